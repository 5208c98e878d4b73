//! `GET /v1/openapi.json`: the description of every endpoint, for people and for generated clients.
//! Written by hand; the tests hold it against the table of endpoints.

use std::sync::Arc;

use warp::http::StatusCode;
use warp::reply::Response;

use super::super::edge::Edge;
use super::super::endpoint::Endpoint;
use super::super::reply;
use super::super::request::Head;
use crate::peek::AnswerPeeks;

const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /v1/openapi.json`.
pub(in crate::api) async fn openapi<A: AnswerPeeks>(edge: Arc<Edge<A>>, head: Head) -> Response {
    let id = head.arrival.id;
    let outcome = async {
        Endpoint::OpenApi.check_method(&head)?;
        edge.authenticate(Endpoint::OpenApi, &head).await?;
        Ok(reply::json(StatusCode::OK, DOCUMENT.to_owned()))
    };
    edge.respond_v1(id, outcome.await)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// Calls `visit` with everything in the document.
    fn walk(value: &Value, visit: &mut impl FnMut(&Value)) {
        visit(value);
        match value {
            Value::Object(fields) => fields.values().for_each(|value| walk(value, visit)),
            Value::Array(items) => items.iter().for_each(|value| walk(value, visit)),
            _ => {}
        }
    }

    #[test]
    fn every_endpoint_is_described_and_nothing_else() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let mut described: Vec<(String, Vec<String>)> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(path, item)| {
                let methods = item.as_object().unwrap().keys();
                (
                    path.clone(),
                    methods.map(|name| name.to_uppercase()).collect(),
                )
            })
            .collect();
        described.sort();
        for (_, methods) in &mut described {
            methods.sort();
        }
        let mut endpoints: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for endpoint in Endpoint::ALL {
            let methods = endpoints.entry(endpoint.path().to_owned()).or_default();
            methods.push(endpoint.method().to_owned());
            methods.sort();
        }
        for endpoint in Endpoint::ALL {
            let allowed = endpoint.allow().split(", ");
            // Whatever takes GET takes HEAD, and answers alike.
            let mut allowed: Vec<&str> = allowed.filter(|method| *method != "HEAD").collect();
            allowed.sort_unstable();
            assert_eq!(endpoints[endpoint.path()], allowed, "{endpoint:?}");
        }
        assert_eq!(described, endpoints.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn credentials_are_asked_for_where_the_description_says_so() {
        let document = document();
        for endpoint in Endpoint::ALL {
            let method = endpoint.method().to_lowercase();
            let operation = &document["paths"][endpoint.path()][&method];
            let is_free = operation["security"] == serde_json::json!([]);
            let has_401 = operation["responses"].get("401").is_some();
            assert_eq!(is_free, !has_401, "{}", endpoint.path());
            assert!(operation["responses"].get("405").is_some());
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut count = 0;
        walk(&document, &mut |value| {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(document.pointer(pointer).is_some(), "{reference}");
                count += 1;
            }
        });
        assert!(count > 50, "{count}");
    }
}
