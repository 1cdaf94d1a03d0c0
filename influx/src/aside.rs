//! Work that may take its time, on a thread that steps aside for what is live.

use std::io;

use rustix::process::setpriority_process;
use tokio::sync::oneshot;

/// The priority that gives way to every other (`nice`).
const LAST: i32 = 19;

/// Runs `f` on a thread of its own, with the processor time that nobody else asks for. A thread for each call: their
/// number is bounded by that of the callers, a priority cannot be raised again without rights, and so this must not be a
/// thread that others use. Fails where no thread can be made, or where `f` broke off.
pub(crate) async fn aside<T: Send + 'static>(name: &str, f: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    let (done, result) = oneshot::channel();
    let work = move || {
        // Of this thread alone, in Linux. Where it is refused the work is done all the same.
        let _ = setpriority_process(None, LAST);
        // Nobody waits any more: then the result is of no use.
        let _ = done.send(f());
    };
    std::thread::Builder::new().name(name.into()).spawn(work)?;
    result.await.map_err(|_| io::Error::other("the thread broke off"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;

    #[tokio::test]
    async fn it_steps_aside_and_its_caller_does_not() {
        let before = getpriority_process(None).unwrap();
        let there = aside("aside", || getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!((there, getpriority_process(None).unwrap()), (LAST, before));
    }

    #[tokio::test]
    async fn what_breaks_off_is_an_error() {
        let broke = aside("aside", || std::panic::panic_any(())).await;
        assert_eq!(broke.unwrap_err().to_string(), "the thread broke off");
    }
}
