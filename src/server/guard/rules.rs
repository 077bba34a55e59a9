use http::Method;
use tracellm_trace::Role;

use crate::server::{grpc, otlp, site};

/// Whom a route lets in, once there are users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Open,
    /// Who is not signed in is led to where one signs in.
    Page,
    /// Who is signed in; what they may do is decided where it is done.
    SignedIn,
    /// Who has this role in every project.
    Everywhere(Role),
    /// A key, which the handler looks at, or who is signed in and reads no more than they may.
    Read,
    /// A key, or an admin of everything.
    Administer,
    /// A key alone.
    Ingest,
}

/// The rule of each server function, by its path.
const FUNCTIONS: [(&str, Rule); 39] = [
    ("/fn/api", Rule::SignedIn),
    ("/fn/audit", Rule::Everywhere(Role::Admin)),
    ("/fn/doctor", Rule::SignedIn),
    ("/fn/facets", Rule::SignedIn),
    ("/fn/failures", Rule::SignedIn),
    ("/fn/failures/decide", Rule::SignedIn),
    ("/fn/intake", Rule::Everywhere(Role::Member)),
    ("/fn/jobs/cancel", Rule::Everywhere(Role::Admin)),
    ("/fn/jobs/list", Rule::Everywhere(Role::Admin)),
    ("/fn/keys/create", Rule::SignedIn),
    ("/fn/keys/revoke", Rule::SignedIn),
    ("/fn/limits", Rule::SignedIn),
    ("/fn/masking/get", Rule::SignedIn),
    ("/fn/masking/set", Rule::Everywhere(Role::Admin)),
    ("/fn/overview", Rule::SignedIn),
    ("/fn/overview/by-name", Rule::SignedIn),
    ("/fn/overview/selection", Rule::SignedIn),
    ("/fn/prices", Rule::SignedIn),
    ("/fn/projects/create", Rule::SignedIn),
    ("/fn/projects/list", Rule::SignedIn),
    ("/fn/projects/remove", Rule::Everywhere(Role::Admin)),
    ("/fn/retention/get", Rule::SignedIn),
    ("/fn/retention/preview", Rule::Everywhere(Role::Admin)),
    ("/fn/retention/set", Rule::Everywhere(Role::Admin)),
    ("/fn/traces/compare", Rule::SignedIn),
    ("/fn/traces/document", Rule::SignedIn),
    ("/fn/traces/export", Rule::SignedIn),
    ("/fn/traces/get", Rule::SignedIn),
    ("/fn/traces/ingest", Rule::SignedIn),
    ("/fn/traces/list", Rule::SignedIn),
    ("/fn/traces/outline", Rule::SignedIn),
    ("/fn/traces/remove", Rule::SignedIn),
    ("/fn/traces/remove-matching", Rule::Everywhere(Role::Admin)),
    ("/fn/traces/remove-some", Rule::SignedIn),
    ("/fn/traces/step", Rule::SignedIn),
    ("/fn/traces/tag", Rule::SignedIn),
    ("/fn/views/list", Rule::SignedIn),
    ("/fn/views/remove", Rule::SignedIn),
    ("/fn/views/save", Rule::SignedIn),
];

/// The rule of a route; of one that has none, that of the strictest.
pub fn rule(method: &Method, path: &str) -> Rule {
    let is_get = matches!(*method, Method::GET | Method::HEAD);
    if let Some((_, rule)) = FUNCTIONS.iter().find(|(known, _)| *known == path) {
        return *rule;
    }
    match path {
        "/livez" | "/readyz" | "/login" | "/logout" => Rule::Open,
        "/api/openapi.json" if is_get => Rule::Open,
        path if otlp::PATHS.contains(&path) || path == grpc::EXPORT => Rule::Ingest,
        "/api/traces" if *method == Method::POST => Rule::Ingest,
        "/ws" | "/api/live" => Rule::Read,
        // It tells of all projects at once.
        "/metrics" => Rule::Administer,
        path if path.starts_with("/api/") => {
            let reads = ["/api/traces", "/api/analytics", "/api/failures", "/api/facets"];
            let is_read =
                is_get && reads.iter().any(|known| path.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            if is_read { Rule::Read } else { Rule::Administer }
        }
        path if is_get && site::has(path) => Rule::Open,
        path if is_get && !path.starts_with("/fn/") => Rule::Page,
        _ => Rule::Everywhere(Role::Admin),
    }
}

#[cfg(test)]
mod tests {
    use http::Method;
    use leptos_axum::generate_route_list;
    use serde_json::Value;
    use tracellm_app::App;
    use tracellm_trace::Role;

    use super::{FUNCTIONS, Rule, rule};
    use crate::server::api::openapi;

    #[test]
    fn every_server_function_has_a_rule() {
        let all: Vec<_> = leptos::server_fn::axum::server_fn_paths().collect();
        assert!(all.len() > 30, "{}", all.len());
        for (path, method) in &all {
            assert!(FUNCTIONS.iter().any(|(known, _)| known == path), "{path} has no rule");
            assert_ne!(rule(method, path), Rule::Open, "{path}");
        }
        for (known, _) in &FUNCTIONS {
            assert!(all.iter().any(|(path, _)| path == known), "{known} is no server function");
        }
    }

    #[test]
    fn every_page_and_every_route_of_the_api_is_closed() {
        for page in generate_route_list(App) {
            assert_eq!(rule(&Method::GET, page.path()), Rule::Page, "{}", page.path());
        }
        let description: Value = serde_json::from_str(&openapi::DOCUMENT).unwrap();
        let open = ["/livez", "/readyz", "/api/openapi.json"];
        let mut seen = 0;
        for (path, methods) in description["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys().filter(|name| *name != "parameters") {
                let rule = rule(&method.to_uppercase().parse().unwrap(), path);
                let is_open = matches!(rule, Rule::Open | Rule::Page | Rule::SignedIn);
                assert_eq!(is_open, open.contains(&path.as_str()), "{method} {path}: {rule:?}");
                assert!(method == "get" || !matches!(rule, Rule::Read), "{method} {path} is no reading");
                seen += 1;
            }
        }
        assert!(seen > 25, "{seen}");
    }

    #[test]
    fn what_nobody_thought_of_is_for_admins() {
        assert_eq!(rule(&Method::POST, "/fn/new"), Rule::Everywhere(Role::Admin));
        assert_eq!(rule(&Method::DELETE, "/traces"), Rule::Everywhere(Role::Admin));
        assert_eq!(rule(&Method::PUT, "/api/traces/x"), Rule::Administer);
        assert_eq!(rule(&Method::GET, "/api/tracesx"), Rule::Administer);
    }
}
