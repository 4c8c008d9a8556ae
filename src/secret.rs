//! Passwords: from the environment or a prompt, never from an argument that others can see.

use anyhow::{Context, Result, bail};

/// The password of `user` on a server: `QUARRY_PASSWORD`, else a prompt.
///
/// # Errors
///
/// When there is neither the variable nor a terminal.
pub fn password(user: &str) -> Result<String> {
    match std::env::var("QUARRY_PASSWORD") {
        Ok(password) => Ok(password),
        Err(_) => rpassword::prompt_password(format!("password of {user}: "))
            .context("no terminal to ask for a password; set QUARRY_PASSWORD"),
    }
}

/// A new password for `user`: `QUARRY_NEW_PASSWORD`, else a prompt, asked twice.
///
/// # Errors
///
/// When the two differ, or there is neither the variable nor a terminal.
pub fn new_password(user: &str) -> Result<String> {
    if let Ok(password) = std::env::var("QUARRY_NEW_PASSWORD") {
        return Ok(password);
    }
    let ask = |what: &str| {
        rpassword::prompt_password(format!("{what} for {user}: "))
            .context("no terminal to ask for a password; set QUARRY_NEW_PASSWORD")
    };
    let password = ask("new password")?;
    if password != ask("the same again")? {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(password)
}
