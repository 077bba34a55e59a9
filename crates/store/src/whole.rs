use std::ops::Range;

use tokio::task::spawn_blocking;
use tracellm_trace::{
    Outline, Trace, Why,
    otlp::{self, Explanation},
};

use crate::{StoreError, TraceStore};

impl dyn TraceStore {
    /// The whole trace. Without a project, the one with the newest `created_at` among all that have the id.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn get(&self, project_id: Option<&str>, trace_id: &str) -> Result<Option<Trace>, StoreError> {
        Ok(self.get_steps(project_id, trace_id, 0..usize::MAX).await?.map(|(trace, _)| trace))
    }

    /// Which attribute gave each field of a trace that came as spans, with at most so many spans one by one.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn explain(&self, trace: &Trace, most: usize) -> Result<Explanation, StoreError> {
        let (spans, project_id) = (self.spans(&trace.project_id, &trace.trace_id).await?, trace.project_id.clone());
        apart(move || otlp::explain(&spans, &project_id, most)).await
    }

    /// The trace with these of its steps, and how many it has; a range that begins behind the last begins with the last.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_steps(
        &self,
        project_id: Option<&str>,
        trace_id: &str,
        steps: Range<usize>,
    ) -> Result<Option<(Trace, usize)>, StoreError> {
        let Some(document) = self.document(project_id, trace_id).await? else { return Ok(None) };
        self.cut(document, steps).await.map(Some)
    }

    /// The same, with what the steps of its document tell.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_with_why(
        &self,
        project_id: Option<&str>,
        trace_id: &str,
        steps: Range<usize>,
    ) -> Result<Option<(Trace, usize, Why)>, StoreError> {
        let Some(document) = self.document(project_id, trace_id).await? else { return Ok(None) };
        let of_whole = apart(move || {
            let why = Why::of(&document);
            (document, why)
        });
        let (document, mut why) = of_whole.await?;
        let (trace, total) = self.cut(document, steps.clone()).await?;
        why.narrow(&steps);
        Ok(Some((trace, total, why)))
    }

    /// All its steps in short.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn outline(&self, project_id: Option<&str>, trace_id: &str) -> Result<Option<Outline>, StoreError> {
        let Some(trace) = self.get(project_id, trace_id).await? else { return Ok(None) };
        apart(move || Some(Outline::of(&trace))).await
    }

    async fn cut(&self, mut document: Trace, steps: Range<usize>) -> Result<(Trace, usize), StoreError> {
        let total = document.cut_from().map_or(document.steps.len(), |total| usize::try_from(total).unwrap_or(usize::MAX));
        let steps = steps.start.min(total.saturating_sub(1))..steps.end;
        if document.cut_from().is_none() {
            document.steps.truncate(steps.end);
            document.steps.drain(..steps.start.min(document.steps.len()));
            return Ok((document, total));
        }
        // The document begins as the trace does.
        if steps.end <= document.steps.len() {
            document.steps.truncate(steps.end);
            document.steps.drain(..steps.start);
            return Ok((document, total));
        }
        let spans = self.spans(&document.project_id, &document.trace_id).await?;
        let folded = apart(move || {
            let done = otlp::fold_steps(steps, &spans, &document.project_id, document.updated_at);
            // Spans that were deleted since leave what the document has.
            done.map_or_else(|_| (document.clone(), document.steps.len()), |(done, total)| (done.trace, total))
        });
        folded.await
    }
}

/// Does what takes long beside the threads that answer requests.
pub(crate) async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
    spawn_blocking(work).await.map_err(|error| StoreError::Failed(format!("work broke off: {error}")))
}
