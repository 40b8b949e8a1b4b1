//! A connection whose other side is not waited for for ever.
//!
//! A client that takes nothing for [`Patience::write`] or does nothing at all for [`Patience::idle`] loses its connection:
//! neither a slow reader nor one that holds connections open without a word can use them up.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::options::Patience;

/// A stream with patience.
pub(super) struct Patient<S> {
    stream: S,
    idle: Pin<Box<Sleep>>,
    write: Pin<Box<Sleep>>,
    writing: bool,
    patience: Patience,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, patience: Patience) -> Self {
        let (idle, write) = (Box::pin(sleep(patience.idle)), Box::pin(sleep(patience.write)));
        Self { stream, idle, write, writing: false, patience }
    }

    fn moved(&mut self) {
        self.idle.as_mut().reset(Instant::now() + self.patience.idle);
        self.writing = false;
    }

    /// What to say while a write waits.
    fn waiting<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if !self.writing {
            self.writing = true;
            self.write.as_mut().reset(Instant::now() + self.patience.write);
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
                this.idle.as_mut().reset(Instant::now() + this.patience.idle);
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
        let mut patient = Patient::new(near, Patience::default());
        let begun = Instant::now();
        let error = patient.write_all(&[0; 64]).await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, Patience::default().write));
        let (near, mut far) = duplex(16);
        let mut patient = Patient::new(near, Patience::default());
        let begun = Instant::now();
        far.write_all(b"x").await.unwrap();
        assert_eq!(patient.read_u8().await.unwrap(), b'x');
        let error = patient.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), begun.elapsed()), (io::ErrorKind::TimedOut, Patience::default().idle));
    }
}
