//! Claims made by hand: taken, renewed and settled by their owner.

use std::sync::Arc;

use mongodb::bson::Bson;

use super::{Engine, Opened, retried};
use crate::{
    base::error::Result,
    job::{
        document::{ClaimedJob, Header, NewJob},
        log::LogLine,
        verdict::{Details, Settled, Verdict},
    },
    verbs::{
        claim::{one, taking::LeaseKind, tokens::ClaimTokens},
        claim_or_enqueue, log, progress, renew,
        settle::{carry_out, prepared::VerdictRequest},
    },
};

impl Engine {
    /// Creates a job and claims it at once, or none if its key is held. A job of a paused type is created only.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_or_enqueue(&self, job: NewJob) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(&job.job_type).await {
            hub.enqueuer.enqueue_one(job).await?;
            return Ok(None);
        }
        claim_or_enqueue::claim_or_enqueue(&hub.store, &hub.enqueuer, job, hub.patience).await
    }

    /// Claims the next due job of a type, to be settled by hand. None while the type is paused.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next(&self, job_type: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(job_type).await {
            return Ok(None);
        }
        loop {
            let (kind, mut tokens) = (LeaseKind::Manual, ClaimTokens::new(&hub.store));
            let claimed =
                one::claim_one(&hub.store, &hub.unwritable, job_type, kind, &mut tokens, hub.patience)
                    .await?;
            let job = claimed.jobs.acknowledged(&hub.store, tokens.current()).await?.pop();
            let Some(job) = job else { return Ok(None) };
            if let Some(job) = self.unless_over(job).await? {
                return Ok(Some(job));
            }
        }
    }

    /// Claims the due job of this type and key, to be settled by hand. None while the type is paused.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn claim_next_by_key(&self, job_type: &str, key: &str) -> Result<Option<ClaimedJob>> {
        let hub = self.hub().await?;
        if hub.upkeep.is_paused(job_type).await {
            return Ok(None);
        }
        loop {
            let claimed =
                one::claim_by_key(&hub.store, job_type, key, LeaseKind::Manual, hub.patience).await?;
            let Some(job) = claimed else { return Ok(None) };
            if let Some(job) = self.unless_over(job).await? {
                return Ok(Some(job));
            }
        }
    }

    /// A job that is to be started; one that is to end instead is ended.
    async fn unless_over(&self, job: ClaimedJob) -> Result<Option<ClaimedJob>> {
        let Some(verdict) = job.header.end_unstarted() else { return Ok(Some(job)) };
        self.settle_claim(job.header, verdict, None, Details::default(), true).await?;
        Ok(None)
    }

    /// Settles a claim, in the midst of its work: fenced if there is a token.
    ///
    /// # Errors
    /// As [`Self::enqueue`]. A job that isn't the caller's is no error but a result.
    pub async fn settle(
        &self,
        id: &str,
        token: Option<&str>,
        verdict: Verdict,
        reason: Option<String>,
    ) -> Result<Settled> {
        let details = Details { is_by_hand: true, ..Details::default() };
        self.settle_with(id, token, verdict, reason, details).await
    }

    /// The same, with further details.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub async fn settle_with(
        &self,
        id: &str,
        token: Option<&str>,
        verdict: Verdict,
        reason: Option<String>,
        details: Details,
    ) -> Result<Settled> {
        let hub = self.hub().await?;
        let header = retried(&hub, || carry_out::header_of(&hub.store, id, token)).await?;
        let Some(header) = header else {
            return Ok(Settled::NotFound);
        };
        self.settle_claim(header, verdict, reason, details, false).await
    }

    async fn settle_claim(
        &self,
        header: Header,
        verdict: Verdict,
        reason: Option<String>,
        details: Details,
        is_only_settler: bool,
    ) -> Result<Settled> {
        let Opened { hub, runs } = self.opened().await?;
        let (header, log) = (Arc::new(header), Some(self.options.log_bounds));
        let request =
            VerdictRequest { header: header.clone(), verdict, reason, is_only_settler, log, details };
        let settled = carry_out::settle_one(&hub.store, request, hub.patience).await?;
        runs.pass_on(&header, settled);
        Ok(settled)
    }

    /// Renews a lease once. True if it was the caller's.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn heartbeat(&self, id: &str, token: Option<&str>) -> Result<bool> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat(&hub.store, id, token)).await
    }

    /// Renews active jobs, under any holder, and counts them.
    ///
    /// # Errors
    /// As [`Self::enqueue`].
    pub async fn batch_heartbeat(&self, ids: &[String]) -> Result<u64> {
        let hub = self.hub().await?;
        retried(&hub, || renew::heartbeat_many(&hub.store, ids)).await
    }

    /// Adds lines to a job's log, oldest first. A job that is gone, or not the caller's any more, is no error.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn log(&self, id: &str, token: Option<&str>, lines: &[LogLine]) -> Result<()> {
        let hub = self.hub().await?;
        log::append(&hub.store, id, token, lines, self.options.log_bounds).await
    }

    /// Notes the progress of a handler. A job that is gone, or not the caller's any more, is no error.
    ///
    /// # Errors
    /// The server can't be reached, or refuses.
    pub async fn progress(&self, id: &str, token: Option<&str>, progress: &Bson) -> Result<()> {
        let hub = self.hub().await?;
        progress::set(&hub.store, id, token, progress).await
    }
}
