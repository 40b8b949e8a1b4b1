//! A connection whose other side is not waited for for ever.
//!
//! A client that takes nothing for [`WRITE_SECONDS`] or does nothing at all for [`IDLE_SECONDS`] loses its connection:
//! neither a slow reader nor one that holds connections open without a word can use them up.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A client has to take something in so many seconds, if there is something to take.
pub(super) const WRITE_SECONDS: u64 = 20;
/// Something has to go one way or the other in so many seconds; the stream of events does so by itself.
pub(super) const IDLE_SECONDS: u64 = 75;

/// A stream with patience.
pub(super) struct Patient<S> {
    stream: S,
    idle: Pin<Box<Sleep>>,
    write: Pin<Box<Sleep>>,
    writing: bool,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S) -> Self {
        let after = |seconds| Box::pin(sleep(Duration::from_secs(seconds)));
        Self { stream, idle: after(IDLE_SECONDS), write: after(WRITE_SECONDS), writing: false }
    }

    fn moved(&mut self) {
        self.idle.as_mut().reset(Instant::now() + Duration::from_secs(IDLE_SECONDS));
        self.writing = false;
    }

    /// What to say while a write waits.
    fn waiting<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.writing {
            self.writing = true;
            self.write.as_mut().reset(Instant::now() + Duration::from_secs(WRITE_SECONDS));
        }
        self.write.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                this.idle.as_mut().reset(Instant::now() + Duration::from_secs(IDLE_SECONDS));
                Poll::Ready(result)
            }
            Poll::Pending => this.idle.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_write(context, bytes) {
            Poll::Ready(result) => {
                this.moved();
                Poll::Ready(result)
            }
            Poll::Pending => this.waiting(context),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match Pin::new(&mut this.stream).poll_flush(context) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => this.waiting(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_or_says_nothing_loses_the_connection() {
        let (near, _far) = duplex(16);
        let mut patient = Patient::new(near);
        let begun = Instant::now();
        let error = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, WRITE_SECONDS));
        let (near, mut far) = duplex(16);
        let mut patient = Patient::new(near);
        let begun = Instant::now();
        far.write_all(b"x").await.unwrap();
        assert_eq!(patient.read_u8().await.unwrap(), b'x');
        let error = patient.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed().as_secs()), (io::ErrorKind::TimedOut, IDLE_SECONDS));
    }
}
