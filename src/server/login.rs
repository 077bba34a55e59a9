use axum::{
    Extension, Form,
    extract::{Query, State},
    response::{Html, IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};
use serde::Deserialize;
use tracellm_store::{StoreError, access::AccessError, ingest::now, users};
use tracellm_trace::{Role, User};

use crate::server::{
    answer::Failure,
    guard::{COOKIES, Doors, session_of},
    hosts::is_this_machine,
    listen::Peer,
    site,
};

/// Seconds for which a browser keeps the cookie of a session, which may end sooner.
pub const FOR: u32 = 30 * 24 * 60 * 60;

/// What the form asks, and what a link to it carries.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    name: String,
    password: String,
    /// Makes the first user.
    code: String,
    /// Where one wanted to go.
    to: String,
}

/// Where one signs in, or makes the first user.
pub async fn show(State(doors): State<Doors>, Query(asked): Query<Asked>) -> Result<Response, Failure> {
    let is_first = doors.first_code().await?.is_some();
    Ok(page(StatusCode::OK, &asked, is_first, None))
}

/// Signs in, or makes the first user and signs them in.
pub async fn sign_in(
    State(doors): State<Doors>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Result<Response, Failure> {
    if !doors.may_try(&asked.name, peer.map(|Extension(peer)| peer.network())) {
        let mut response = page(StatusCode::TOO_MANY_REQUESTS, &asked, false, Some("Too many tries. Wait a minute."));
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        return Ok(response);
    }
    let first = doors.first_code().await?.map(str::to_owned);
    if let Some(first) = &first {
        if !is_same(first, &asked.code) {
            return Ok(page(StatusCode::UNAUTHORIZED, &asked, true, Some("This is not the code that the server's log shows.")));
        }
        let user = User { name: asked.name.clone(), role: Some(Role::Admin), projects: Default::default(), created_at: now() };
        match users::set(doors.store(), &doors.auditor("the code of the first run"), user, asked.password.clone()).await {
            Ok(()) => {
                doors.first_is_made();
                tracing::info!("{} is the first user, and an admin", asked.name);
            }
            Err(AccessError::Invalid(issues)) => {
                let said: Vec<_> = issues.iter().map(|issue| format!("{} {}.", issue.path, issue.message)).collect();
                return Ok(page(StatusCode::UNPROCESSABLE_ENTITY, &asked, true, Some(&said.join(" "))));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let Some(secret) = users::sign_in(doors.store(), &asked.name, asked.password.clone(), now()).await? else {
        tracing::warn!("somebody could not sign in as {:?}", asked.name);
        return Ok(page(StatusCode::UNAUTHORIZED, &asked, false, Some("Name or password is wrong.")));
    };
    doors.look_again();
    doors.auditor(&format!("user {}", asked.name)).note("session.begun", "").await?;
    let mut response = Redirect::to(place(&asked.to)).into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie(&headers, &secret, FOR)?);
    Ok(response)
}

/// Ends the session.
pub async fn sign_out(State(doors): State<Doors>, headers: HeaderMap) -> Result<Response, Failure> {
    if let Some(secret) = session_of(&headers) {
        users::sign_out(doors.store(), &secret).await?;
        doors.look_again();
    }
    let mut response = Redirect::to("/login").into_response();
    response.headers_mut().insert(header::SET_COOKIE, cookie(&headers, "", 0)?);
    Ok(response)
}

/// The cookie of a session. Where a browser takes none that is `Secure`, as the connection is not, it has a plain name; Safari takes none
/// on this machine either.
pub fn cookie(headers: &HeaderMap, secret: &str, seconds: u32) -> Result<HeaderValue, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_safari = text("user-agent").contains("Safari/") && !text("user-agent").contains("Chrome/");
    let is_local = !is_safari && text("host").parse().is_ok_and(|asked: Authority| is_this_machine(asked.host()));
    let (name, secure) = if text("x-forwarded-proto") == "https" || is_local { (COOKIES[0], "; Secure") } else { (COOKIES[1], "") };
    let cookie = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&cookie).map_err(|error| StoreError::Failed(error.to_string()).into())
}

/// Where one wanted to go, if that is here.
fn place(to: &str) -> &str {
    let is_here = to.starts_with('/') && !to.starts_with("//") && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_here { to } else { "/" }
}

/// Takes as long for every text of a length.
fn is_same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.bytes().zip(b.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn page(status: StatusCode, asked: &Asked, is_first: bool, wrong: Option<&str>) -> Response {
    let (title, button, password) =
        if is_first { ("The first user", "Make this user", "new-password") } else { ("Sign in", "Sign in", "current-password") };
    let wrong = wrong.map(|wrong| format!(r#"<p class="callout failed" role="alert">{}</p>"#, escaped(wrong))).unwrap_or_default();
    let code = if is_first {
        format!(
            r#"<label>Code, as the server's log shows it<input name="code" value="{}" autocomplete="off" required></label>"#,
            escaped(&asked.code)
        )
    } else {
        String::new()
    };
    let hint = if is_first {
        "<p class=\"muted\">Nobody may sign in yet. Who makes the first user is an admin of everything.</p>".to_owned()
    } else {
        "<p class=\"muted\">No account? Ask whoever runs this server: <code>tracellm user add NAME</code>.</p>".to_owned()
    };
    let html = format!(
        r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title} · TraceLLM</title>
<link rel="stylesheet" href="{css}"><link rel="icon" href="/favicon.svg" type="image/svg+xml"></head>
<body class="sign-in"><main><h1>TraceLLM</h1><form class="panel" method="post" action="/login"><h2>{title}</h2>{wrong}{code}
<label>Name<input name="name" value="{name}" autocomplete="username" maxlength="64" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="{password}" required></label>
<input type="hidden" name="to" value="{to}"><button class="button primary">{button}</button>{hint}</form></main></body></html>
"#,
        css = site::css_path(),
        name = escaped(&asked.name),
        to = escaped(place(&asked.to)),
    );
    let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::{cookie, is_same, place};

    #[test]
    fn nobody_is_led_elsewhere() {
        for to in ["", "//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nb", "/\t/evil.example", "evil"] {
            assert_eq!(place(to), "/", "{to}");
        }
        assert_eq!(place("/traces?status=failed"), "/traces?status=failed");
    }

    #[test]
    fn a_cookie_is_of_this_host_alone_where_that_can_be() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            cookie(&headers, "s", 60).ok().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(of(&[("host", "127.0.0.1:8000")]), "__Host-tracellm=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
        assert!(of(&[("host", "traces.example.com"), ("x-forwarded-proto", "https")]).starts_with("__Host-"));
        assert!(
            of(&[("host", "localhost"), ("user-agent", "Mozilla/5.0 (Macintosh) Version/18.0 Safari/605.1.15")]).starts_with("tracellm=s")
        );
        assert_eq!(of(&[("host", "10.0.0.5:8000")]), "tracellm=s; Path=/; HttpOnly; SameSite=Lax; Max-Age=60");
        assert!(is_same("abc", "abc") && !is_same("abc", "abd") && !is_same("abc", "ab"));
    }
}
