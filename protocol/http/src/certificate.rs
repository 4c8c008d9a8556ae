//! The certificate that the doors show: which it is, and reading it again. For administrators.

use std::sync::Arc;

use axum::{Extension, extract::State, http::StatusCode, response::IntoResponse};
use chrono::SecondsFormat;
use quarry_engine::Session;
use quarry_listen::{Certificate, Tls};
use serde_json::{Value, json};

use crate::{
    Door,
    problem::{Answered, Problem},
};

/// `GET /api/v1/server/certificate`.
pub(crate) async fn told(State(door): State<Door>, Extension(session): Extension<Session>) -> Answered {
    let tls = reached(&door, &session)?;
    Ok(axum::Json(facts(&tls.current())).into_response())
}

/// `POST /api/v1/server/certificate/reload`: reads the files again, as SIGHUP does. With files that can't be used the old certificate serves on.
pub(crate) async fn reload(State(door): State<Door>, Extension(session): Extension<Session>) -> Answered {
    let tls = reached(&door, &session)?;
    let read = tokio::task::spawn_blocking(move || tls.reload()).await;
    match read {
        Ok(Ok(certificate)) => Ok(axum::Json(facts(&certificate)).into_response()),
        Ok(Err(error)) => {
            let message = format!("{error}; the old certificate serves on");
            Err(Problem::new(StatusCode::CONFLICT, "CERTIFICATE_UNUSABLE", message))
        }
        Err(_) => {
            let message = "reading the certificate broke off; the old one serves on";
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", message))
        }
    }
}

fn reached(door: &Door, session: &Session) -> Result<Arc<Tls>, Problem> {
    door.engines.must_operate(session)?;
    let missing = || {
        let message = "the server has no certificate; it is started with tls_cert and tls_key";
        Problem::new(StatusCode::NOT_FOUND, "NO_CERTIFICATE", message)
    };
    door.options.tls.clone().ok_or_else(missing)
}

fn facts(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject,
        "sha256": certificate.fingerprint,
        "notBefore": certificate.not_before.to_rfc3339_opts(SecondsFormat::Secs, true),
        "notAfter": certificate.not_after.to_rfc3339_opts(SecondsFormat::Secs, true),
    })
}
