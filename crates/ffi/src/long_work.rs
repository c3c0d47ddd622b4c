//! Long work on a thread of its own, as a future that any executor can drive.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::thread;

use gridlog_client_core::CancelFlag;
use tokio::sync::oneshot;

use crate::error::GridlogError;
use crate::gate::tell_app;
use crate::guard::guarded;

/// Cancels what nobody waits for any more.
struct CancelWhenDropped(Option<CancelFlag>);

impl CancelWhenDropped {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelWhenDropped {
    fn drop(&mut self) {
        if let Some(flag) = &self.0 {
            flag.cancel();
        }
    }
}

/// Runs `work` off the caller's thread. Dropping the future sets `cancel`; the work then ends by
/// itself at the next point where it looks.
pub(crate) async fn off_thread<T: Send + 'static>(
    cancel: CancelFlag,
    work: impl FnOnce() -> Result<T, GridlogError> + Send + 'static,
) -> Result<T, GridlogError> {
    let (tell, told) = oneshot::channel();
    thread::Builder::new()
        .name("gridlog-work".to_owned())
        .spawn(move || {
            let outcome = guarded(work);
            tell_app(tell, |tell| {
                // Nobody may be waiting any more.
                let _ = tell.send(outcome);
            });
        })
        .map_err(|_| GridlogError::no_thread())?;
    let waiting = CancelWhenDropped(Some(cancel));
    let outcome = told.await;
    waiting.done();
    outcome.unwrap_or_else(|_| Err(GridlogError::panicked()))
}

/// What `work` comes to, or the error of `given_up` if that is ready first; `work` is dropped then.
pub(crate) async fn first_of<T>(
    work: impl Future<Output = Result<T, GridlogError>>,
    given_up: impl Future<Output = GridlogError>,
) -> Result<T, GridlogError> {
    let mut work = pin!(work);
    let mut given_up = pin!(given_up);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome),
        Poll::Pending => given_up.as_mut().poll(context).map(Err),
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap()
    }

    #[test]
    fn what_is_waited_for_is_not_cancelled() {
        let flag = CancelFlag::new();
        let outcome = runtime().block_on(off_thread(flag.clone(), || Ok(42)));
        assert_eq!(outcome, Ok(42));
        assert!(!flag.is_cancelled());
    }

    #[test]
    fn what_is_dropped_is_cancelled() {
        let flag = CancelFlag::new();
        let seen = flag.clone();
        let (tell, told) = mpsc::channel();
        let work = move || {
            while !seen.is_cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            tell.send(()).unwrap();
            Ok(())
        };
        let given_up = runtime().block_on(async {
            tokio::time::timeout(Duration::from_millis(10), off_thread(flag, work)).await
        });
        assert!(given_up.is_err());
        told.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[test]
    fn a_panic_off_the_thread_is_an_error() {
        let work = || -> Result<(), GridlogError> { panic!("a resident's name") };
        let outcome = runtime().block_on(off_thread(CancelFlag::new(), work));
        assert_eq!(outcome.unwrap_err().code(), "panicked");
    }
}
