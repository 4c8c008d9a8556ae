//! What others can reach: addresses, TLS, certificates, pages of other sites, limits.

use chrono::{DateTime, TimeDelta, Utc};
use quarry_listen::Tls;

use super::{Level, Report};
use crate::settings::Settings;

/// A certificate that ends within this is told of.
const SOON: TimeDelta = TimeDelta::days(30);
/// Access tokens that last longer are a password that nobody can change.
const TOKEN_SECONDS_MAX: u64 = 24 * 60 * 60;
/// So do sessions.
const SESSION_SECONDS_MAX: u64 = 90 * 24 * 60 * 60;

pub(super) fn look(settings: &Settings, report: &mut Report) {
    addresses(settings, report);
    certificate(settings, report, Utc::now());
    origins(settings, report);
    tokens(settings, report);
    limits(settings, report);
}

fn addresses(settings: &Settings, report: &mut Report) {
    report.check("tls");
    let doors = [("http", settings.http()), ("pg", settings.pg())];
    let open = doors.into_iter().filter_map(|(door, address)| Some((door, address?)));
    for (door, address) in open.filter(|(_, address)| !address.ip().is_loopback()) {
        match (settings.tls(), settings.tls_required()) {
            (None, _) => report.add(
                Level::Critical,
                format!("{door} listens on {address} without TLS: passwords, tokens and records can be read on the way"),
                "give tls_cert and tls_key, or listen on 127.0.0.1 behind something that speaks TLS",
            ),
            (Some(_), false) => report.add(
                Level::Warning,
                format!("{door} listens on {address}, and what comes without TLS is answered too"),
                "set tls_required = true",
            ),
            (Some(_), true) => {}
        }
    }
    if settings.tls().is_some() && settings.hsts_seconds() == 0 {
        let message = "browsers are not told to come by TLS only (hsts_seconds = 0)";
        report.add(Level::Note, message, "leave hsts_seconds at its default once all clients come by TLS");
    }
}

fn certificate(settings: &Settings, report: &mut Report, now: DateTime<Utc>) {
    report.check("certificate");
    let Some(files) = settings.tls() else { return };
    let certificate = match Tls::open(files) {
        Ok(tls) => tls.current(),
        Err(error) => return report.add(Level::Critical, error.to_string(), "the server will not start so"),
    };
    let (from, to) = (certificate.not_before, certificate.not_after);
    if now >= to {
        report.add(Level::Critical, format!("the certificate has expired at {to}"), "get a new one");
    } else if now < from {
        report.add(
            Level::Critical,
            format!("the certificate is valid from {from} only"),
            "look at the clock too",
        );
    } else if now + SOON >= to {
        let days = (to - now).num_days();
        let message = format!("the certificate expires in {days} days, at {to}");
        report.add(Level::Warning, message, "get a new one, and send SIGHUP: nobody is disconnected");
    }
}

fn origins(settings: &Settings, report: &mut Report) {
    report.check("cors");
    let Ok(origins) = settings.origins() else { return };
    if origins.is_any() {
        let message = "pages of every site may ask (cors_origins = \"*\")";
        report.add(Level::Warning, message, "name the origins");
    }
    let plain = origins.named().iter().filter(|origin| origin.starts_with("http://"));
    for origin in plain.filter(|origin| !is_local(origin)) {
        let message = format!("pages of {origin} may ask: whoever is on the way can change such a page");
        report.add(Level::Warning, message, "name origins with https");
    }
    if settings.cors_credentials() {
        let message = "pages of other sites may use a login that the browser remembers (cors_credentials)";
        report.add(Level::Note, message, "bearer tokens need no credentials of the browser's");
    }
}

fn is_local(origin: &str) -> bool {
    ["http://localhost", "http://127.0.0.1", "http://[::1]"]
        .iter()
        .any(|local| origin.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

fn tokens(settings: &Settings, report: &mut Report) {
    report.check("tokens");
    if settings.token_seconds() > TOKEN_SECONDS_MAX {
        let message = format!("access tokens last {} s", settings.token_seconds());
        report.add(Level::Warning, message, "an hour is enough: clients refresh their session");
    }
    if settings.session_seconds() > SESSION_SECONDS_MAX {
        let message = format!("sessions can be refreshed for {} s after a login", settings.session_seconds());
        report.add(Level::Warning, message, "30 days is the default");
    }
    if settings.lock_failures() == 0 {
        let message = "a name is never locked, however often a wrong password is tried (lock_failures = 0)";
        report.add(Level::Note, message, "guesses are slowed down in any case");
    }
}

fn limits(settings: &Settings, report: &mut Report) {
    report.check("limits");
    if settings.query_timeout().is_none() {
        let message = "a question may run for ever (query_timeout_ms = 0)";
        report.add(Level::Warning, message, "give it a time");
    }
    if settings.connections_per_address_max() >= settings.connections_max() {
        let message = "one address may take all connections of a door";
        report.add(Level::Warning, message, "set connections_per_address_max below connections_max");
    }
    if ["debug", "trace"].iter().any(|level| settings.log().contains(level)) {
        let message =
            format!("the log tells very much ({:?}): what records hold may be in it", settings.log());
        report.add(Level::Note, message, "use it to look for something, and then info again");
    }
}
