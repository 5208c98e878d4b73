//! From the bytes of a request to those of its answer, out of memory.

use std::sync::Arc;

use peekd::api::{Direct, Edge, Readiness};
use peekd::cache::Cache;
use peekd::model::{
    Clock, NotificationMode, ObjectType, PasswordProof, ProofKey, Revision, Statistic, StatisticId,
};
use peekd::peek::{Board, Peek, Stored};
use peekd::service::Settings;
use peekd::upstream::{Plan, Roster, Upstream};
use tokio::sync::watch;

use crate::{Outcome, counted, made};

const STATISTICS: u32 = 10_000;
/// Statistics of one request, where it asks for several.
const AT_ONCE: usize = 100;
/// Prepared requests, and how often all of them are counted.
const FORMS: usize = 64;
const ROUNDS: usize = 20;

/// A unit is a request for one statistic.
pub(crate) fn one() -> Outcome {
    let mut site = Site::new()?;
    let forms = (0..FORMS * 16).map(|_| site.form_of_one()).collect();
    site.count(forms, "/genesys/1/statistic", 1)
}

/// A unit is a request for a hundred statistics.
pub(crate) fn hundred() -> Outcome {
    let mut site = Site::new()?;
    let forms = (0..FORMS).map(|_| site.form_of_several()).collect();
    site.count(forms, "/genesys/1/statistics", ROUNDS)
}

/// As [`hundred`], from a client that escapes `;` and `@`, as most libraries do.
pub(crate) fn hundred_encoded() -> Outcome {
    let mut site = Site::new()?;
    let forms = (0..FORMS).map(|_| site.form_of_several());
    let forms = forms.map(|form| form.replace(';', "%3B").replace('@', "%40"));
    let forms = forms.collect();
    site.count(forms, "/genesys/1/statistics", ROUNDS)
}

/// A service that knows its statistics, with the settings' defaults and one user.
struct Site {
    known: Vec<Statistic>,
    draw: fastrand::Rng,
    direct: Direct<Peek>,
}

impl Site {
    fn new() -> Result<Self, Box<dyn std::error::Error>> {
        let password = peekd::api::auth::hash_password("password");
        let file = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\n[http.auth]\nusers = [{{ name = \"default\", password_hash = \
             \"{password}\" }}]\n[store]\npath = \"store\"\n[[stat_server]]\nname = \"StatServer\"\n\
             primary = \"127.0.0.1:1\"\n"
        );
        let settings = Settings::from_text(&file)?;
        let (known, mut draw) = (made::statistics(STATISTICS), fastrand::Rng::with_seed(1));
        let (clock, proofs) = (Clock::system(), ProofKey::random()?);
        let start = Revision {
            generation: 1,
            counter: 0,
        };
        let cache = Arc::new(Cache::new(
            clock.clone(),
            1,
            start,
            StatisticId(0),
            settings.statistics_max,
        ));
        for statistic in &known {
            let Ok(slot) = cache.pin(statistic) else {
                return Err("no room for the statistics".into());
            };
            slot.opened(Some(NotificationMode::Immediate), PasswordProof::NONE);
            let value = made::reading(statistic, 7, &mut draw).to_value(made::COMPAT);
            cache.apply(slot.id, made::sample(made::BEGIN, value));
        }
        let upstream = Arc::new(Upstream::new(Roster::new(), Plan::default()));
        let board = Board::new(
            clock.clone(),
            cache.clone(),
            upstream.clone(),
            Stored::none(),
        );
        let peek = Peek::new(
            settings.peek,
            clock,
            cache,
            upstream,
            proofs,
            Arc::new(board),
        );
        let (_, answers) = watch::channel(Some(peek));
        let (_, readiness) = watch::channel(Readiness::default());
        let edge = Edge::new(Arc::new(settings.http), answers, readiness);
        Ok(Self {
            known,
            draw,
            direct: Direct::new(Arc::new(edge)),
        })
    }

    fn drawn(&mut self) -> Statistic {
        let drawn = self.draw.choice(&self.known);
        drawn
            .cloned()
            .unwrap_or_else(|| Statistic::new("", ObjectType::Agent, "", ""))
    }

    /// As the interface's document writes its examples.
    fn form_of_one(&mut self) -> String {
        let statistic = self.drawn();
        format!(
            "objectId={}&objectType={}&tenant={}&tenantPassword=&metric={}",
            statistic.object_id().replace(' ', "+"),
            statistic.object_type(),
            statistic.tenant().replace(' ', "+"),
            statistic.metric().replace(' ', "+"),
        )
    }

    fn form_of_several(&mut self) -> String {
        let mut form = String::new();
        for at in 0..AT_ONCE {
            let separator = if at == 0 { "" } else { "&" };
            let statistic = self.drawn().to_string().replace(' ', "+");
            form.extend([separator, &format!("s{at}={statistic}")]);
        }
        form
    }

    fn count(mut self, forms: Vec<String>, path: &str, rounds: usize) -> Outcome {
        const AUTHORIZATION: &str = "Basic ZGVmYXVsdDpwYXNzd29yZA==";
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        if !runtime.block_on(self.direct.prove(AUTHORIZATION)) {
            return Err("the credentials are not accepted".into());
        }
        let request = |form: String| {
            let length = form.len();
            format!(
                "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: {AUTHORIZATION}\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
            )
        };
        let requests: Vec<String> = forms.into_iter().map(request).collect();
        let mut all = |rounds: usize| {
            let mut answered = 0;
            for _ in 0..rounds {
                for request in &requests {
                    answered += usize::from(self.direct.answer(request.as_bytes()).is_some());
                }
            }
            answered
        };
        all(1);
        let answered = counted(|| all(rounds));
        if answered == requests.len() * rounds {
            Ok(answered)
        } else {
            Err(format!("only {answered} requests were answered from memory").into())
        }
    }
}
