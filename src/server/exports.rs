use std::{sync::Arc, time::Duration};

use axum::{body::Body, response::Response};
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tracellm_app::ApiError;
use tracellm_trace::Limits;

/// Who waits longer is told to come again.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place among those that are answered.
pub type Turn = OwnedSemaphorePermit;

/// The response, which keeps its turn until all of it is sent or nobody reads it.
pub fn until_sent(response: Response, turn: Turn) -> Response {
    response.map(|body| {
        let held = move |frame| {
            let _held = &turn;
            frame
        };
        Body::new(body.map_frame(held))
    })
}

/// Requests for whole documents, of which so many are answered at once: each may hold megabytes.
#[derive(Clone)]
pub struct Exports(Arc<Semaphore>);

impl Exports {
    pub fn new(limits: &Limits) -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(limits.exports).unwrap_or(Semaphore::MAX_PERMITS))))
    }

    /// Waits for a turn, which lasts as long as what is returned.
    pub async fn turn(&self) -> Result<Turn, ApiError> {
        let turn = timeout(PATIENCE, self.0.clone().acquire_owned()).await.ok().and_then(Result::ok);
        turn.ok_or_else(|| ApiError::Limited("many whole documents are asked for at once; ask again a little later".to_owned()))
    }
}
