//! A small HTTP client for asking a running service.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{ACCEPT, AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderName};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Usage;

/// How long an answer is awaited: longer than a service lets any request take by default.
const PATIENCE: Duration = Duration::from_secs(30);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// The service and who asks it.
pub(super) struct Service {
    authority: String,
    base_path: String,
    authorization: Option<SecretString>,
}

/// An open connection.
pub(super) struct Link<'a> {
    service: &'a Service,
    sender: SendRequest<Full<Bytes>>,
}

/// The body of an answer, as it comes.
pub(super) struct Coming {
    body: Incoming,
    /// Read, and not shown yet.
    rest: Vec<u8>,
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

    /// GETs a path with its query on a connection of its own, for who reads the body as it comes.
    /// `last_event` resumes a stream.
    pub(super) async fn follow(
        &self,
        target: &str,
        last_event: Option<&str>,
    ) -> anyhow::Result<Response<Incoming>> {
        let mut link = self.connect().await?;
        // Who follows from the start says nothing of an event: an empty one is none.
        let last_event = last_event.unwrap_or_default();
        link.ask(target, LAST_EVENT_ID, last_event).await
    }

    /// A connection for several questions.
    pub(super) async fn connect(&self) -> anyhow::Result<Link<'_>> {
        let address = match self.authority.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => self.authority.clone(),
            _ => format!("{}:80", self.authority),
        };
        let stream = TcpStream::connect(&address)
            .await
            .with_context(|| format!("no service answers at {address}"))?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // Ends with the sender; a broken connection shows in the reply.
        TaskTracker::new().spawn(connection);
        let service = self;
        Ok(Link { service, sender })
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> anyhow::Result<Reply> {
        let mut link = self.connect().await?;
        let response = link
            .sender
            .send_request(request)
            .await
            .context("the service closed the connection without an answer")?;
        let status = response.status();
        let age = response
            .headers()
            .get(AGE)
            .and_then(|age| age.to_str().ok()?.parse().ok());
        let body = response.into_body().collect().await?.to_bytes();
        Ok(Reply { status, age, body })
    }
}

impl Link<'_> {
    /// GETs a path with its query.
    pub(super) async fn get(&mut self, target: &str, accept: &str) -> anyhow::Result<Coming> {
        let response = self.ask(target, ACCEPT, accept).await?;
        Ok(Coming::of(response))
    }

    /// GETs a path with its query, and one header; what comes is a success.
    async fn ask(
        &mut self,
        target: &str,
        header: HeaderName,
        value: &str,
    ) -> anyhow::Result<Response<Incoming>> {
        let service = self.service;
        let mut request = Request::get(format!("{}{target}", service.base_path))
            .header(HOST, &service.authority)
            .header(header, value);
        if let Some(authorization) = &service.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        let request = request.body(Full::default())?;
        self.sender.ready().await?;
        let response = timeout(PATIENCE, self.sender.send_request(request)).await;
        let response = response
            .with_context(|| format!("{} does not answer", service.authority))?
            .context("the service closed the connection without an answer")?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = Coming::of(response).whole().await?.into();
        let refused = Reply {
            status,
            age: None,
            body,
        };
        refused.json()?;
        bail!("{status}")
    }

    /// GETs JSON.
    pub(super) async fn get_json<T: DeserializeOwned>(
        &mut self,
        target: &str,
    ) -> anyhow::Result<T> {
        let mut coming = self.get(target, "application/json").await?;
        let body = coming.whole().await?;
        serde_json::from_slice(&body).context("the answer is not that of a peekd service")
    }
}

impl Coming {
    fn of(response: Response<Incoming>) -> Self {
        Self {
            body: response.into_body(),
            rest: Vec::new(),
        }
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn block(&mut self) -> anyhow::Result<Option<Bytes>> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let Some(frame) = frame.context("the service sends nothing any more")? else {
                return Ok(None);
            };
            let frame = frame.context("the answer breaks off: it is not whole")?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
    }

    /// The next line, without its end; `None` after the last.
    pub(super) async fn line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let behind = self.rest.split_off(end + 1);
                let mut line = std::mem::replace(&mut self.rest, behind);
                line.pop();
                return Ok(Some(line));
            }
            match self.block().await? {
                Some(block) => self.rest.extend_from_slice(&block),
                None if self.rest.is_empty() => return Ok(None),
                None => bail!("the answer breaks off: it is not whole"),
            }
        }
    }

    async fn whole(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some(block) = self.block().await? {
            whole.extend_from_slice(&block);
        }
        Ok(whole)
    }
}

/// A query's parameters, encoded; those without a value are left out.
pub(super) fn query<'a>(parameters: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let said = parameters.into_iter().filter_map(|(name, value)| {
        let value = value?;
        Some(format!(
            "{name}={}",
            utf8_percent_encode(&value, NON_ALPHANUMERIC)
        ))
    });
    let said: Vec<String> = said.collect();
    match said.as_slice() {
        [] => String::new(),
        said => format!("?{}", said.join("&")),
    }
}

/// From the environment, else asked for; never an argument, which other users could read.
pub(super) fn password_of(user: &str) -> anyhow::Result<SecretString> {
    if let Ok(password) = std::env::var("PEEKD_PASSWORD") {
        return Ok(password.into());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Usage("the password is read from PEEKD_PASSWORD".to_owned()).into());
    }
    let password = rpassword::prompt_password(format!("Password of {user}: "));
    Ok(password.context("no password was read")?.into())
}

impl Reply {
    /// The reply's JSON, or the message of its error.
    pub(super) fn json(&self) -> anyhow::Result<serde_json::Value> {
        let json: Option<serde_json::Value> = serde_json::from_slice(&self.body).ok();
        match json {
            Some(json) if self.status.is_success() => Ok(json),
            Some(json) => {
                // The documented endpoints say `message`, the others `detail`.
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
