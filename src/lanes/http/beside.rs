//! What outlives its request: connections that were upgraded. The root runs them among its own tasks, so that a stop waits for
//! them, and tells them of it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

/// A task of a lane.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where such tasks run. Cheap to clone.
#[derive(Clone)]
pub struct Beside {
    spawn: Arc<dyn Fn(Task) + Send + Sync>,
    stop: CancellationToken,
}

impl fmt::Debug for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Beside(stopping: {})", self.stop.is_cancelled())
    }
}

impl Beside {
    /// Tasks are run by `spawn` and are to end once `stop` is cancelled.
    pub fn new(spawn: impl Fn(Task) + Send + Sync + 'static, stop: CancellationToken) -> Self {
        Self {
            spawn: Arc::new(spawn),
            stop,
        }
    }

    /// Runs a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        (self.spawn)(Box::pin(task));
    }

    /// Returns when the node stops.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }
}
