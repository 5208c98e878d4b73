//! A small HTTP client for asking a running service.

use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Usage;

/// How long an answer is awaited: longer than a service lets any request take by default.
const PATIENCE: Duration = Duration::from_secs(30);

const LAST_EVENT_ID: &str = "last-event-id";

/// The service and who asks it.
pub(super) struct Service {
    authority: String,
    base_path: String,
    authorization: Option<SecretString>,
}

/// What came back.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// Seconds, from the `Age` header.
    pub(super) age: Option<u64>,
    pub(super) body: Bytes,
}

impl Service {
    pub(super) fn new(url: &str, user: Option<(&str, &SecretString)>) -> Result<Self, Usage> {
        let uri: Uri = url.parse().map_err(|_| Usage(format!("{url} is no URL")))?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(Usage(format!(
                "{url}: the URL of a service starts with http://"
            )));
        };
        // What stands before an '@' would be sent in clear and shown in errors.
        if authority.as_str().contains('@') {
            let text = "the URL of a service holds no user: use --user and PEEKD_PASSWORD";
            return Err(Usage(text.to_owned()));
        }
        if user.is_some_and(|(name, _)| name.contains(':')) {
            return Err(Usage("a user's name has no ':'".to_owned()));
        }
        let authorization = user.map(|(name, password)| {
            let credentials = format!("{name}:{}", password.expose_secret());
            SecretString::from(format!("Basic {}", BASE64.encode(credentials)))
        });
        Ok(Self {
            authority: authority.to_string(),
            base_path: uri.path().trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    /// POSTs an urlencoded form.
    pub(super) async fn post_form(
        &self,
        path: &str,
        form: String,
        cache_control: Option<String>,
    ) -> anyhow::Result<Reply> {
        let mut request = Request::post(format!("{}{path}", self.base_path))
            .header(HOST, &self.authority)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cache_control) = cache_control {
            request = request.header(CACHE_CONTROL, cache_control);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        let exchange = self.send(request.body(Full::new(Bytes::from(form)))?);
        timeout(PATIENCE, exchange).await.with_context(|| {
            let patience = humantime::format_duration(PATIENCE);
            format!("{} did not answer within {patience}", self.authority)
        })?
    }

    /// GETs a path, its query included; the body is read as it comes. `last_event` resumes a stream.
    pub(super) async fn follow(
        &self,
        target: &str,
        last_event: Option<&str>,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut request =
            Request::get(format!("{}{target}", self.base_path)).header(HOST, &self.authority);
        if let Some(last_event) = last_event {
            request = request.header(LAST_EVENT_ID, last_event);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        let response = self.exchange(request.body(Full::default())?).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Reply::read(response).await?.refusal())
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Reply> {
        Reply::read(self.exchange(request).await?).await
    }

    /// Sends a request on a connection of its own; what comes back, up to its body.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Response<Incoming>> {
        let address = match self.authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => self.authority.clone(),
            _ => format!("{}:80", self.authority),
        };
        let stream = TcpStream::connect(&address)
            .await
            .with_context(|| format!("no service answers at {address}"))?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let tasks = TaskTracker::new();
        // Ends with the sender; a broken connection shows in the reply.
        let _connection = tasks.spawn(connection);
        sender
            .send_request(request)
            .await
            .context("the service closed the connection without an answer")
    }
}

impl Reply {
    async fn read(response: Response<Incoming>) -> anyhow::Result<Self> {
        let status = response.status();
        let age = response
            .headers()
            .get(AGE)
            .and_then(|age| age.to_str().ok()?.parse().ok());
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Self { status, age, body })
    }

    /// What a reply that is no success says.
    fn refusal(&self) -> anyhow::Error {
        let refused = self.json().err();
        refused.unwrap_or_else(|| anyhow::anyhow!("{}", self.status))
    }

    /// The reply's JSON, or the message of its error.
    pub(super) fn json(&self) -> anyhow::Result<serde_json::Value> {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        match json {
            Some(json) if self.status.is_success() => Ok(json),
            Some(json) => {
                // The documented endpoints say `message`, `/v1` says `detail`.
                let message = json.get("message").or_else(|| json.get("detail"));
                let message = message.and_then(|message| message.as_str());
                bail!("{}: {}", self.status, message.unwrap_or("no message"))
            }
            None => bail!(
                "{}: the answer is no JSON; is this a peekd service?",
                self.status
            ),
        }
    }
}
