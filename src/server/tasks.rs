//! The tasks of a server: a stop waits for all of them, and cuts those that don't end in time. Nothing else in the
//! program spawns tasks.

use std::time::Duration;

use hyper::rt::Executor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::server::Stopped;

/// A set of tasks; clones are the same set.
#[derive(Clone, Default, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl Tasks {
    /// Runs a task that ends by itself, or when it is cut.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future + Send + 'static,
        F::Output: Send,
    {
        let cut = self.cut.clone();
        self.tracker.spawn(async move {
            cut.run_until_cancelled_owned(task).await;
        });
    }

    /// Waits for all tasks; those that are left when the time is up are dropped where they wait.
    pub async fn finish(&self, limit: Duration) -> Stopped {
        self.tracker.close();
        if tokio::time::timeout(limit, self.tracker.wait()).await.is_ok() {
            return Stopped::Drained;
        }
        tracing::warn!(tasks = self.tracker.len(), "unfinished work was cut at the stop");
        self.cut.cancel();
        self.tracker.wait().await;
        Stopped::Cut
    }
}

/// HTTP/2 runs each stream as a task of the same set.
impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::time::Duration;

    use super::Tasks;
    use crate::server::Stopped;

    #[tokio::test]
    async fn a_stop_waits_for_tasks_and_cuts_those_that_stay() {
        let tasks = Tasks::default();
        tasks.spawn(tokio::time::sleep(Duration::from_millis(5)));
        assert_eq!(tasks.finish(Duration::from_secs(60)).await, Stopped::Drained);
        tasks.spawn(pending::<()>());
        assert_eq!(tasks.finish(Duration::from_millis(5)).await, Stopped::Cut);
    }
}
