//! What went wrong, on what, why, and what to try.

use std::borrow::Cow;
use std::fmt;
use std::io;

use casync_core::Error as CoreError;
use casync_core::error::{Limited, Malformed, Unrepresentable, UsageError};
use rustix::io::Errno;

/// Result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: its cause, what was being done (innermost first), and perhaps a hint.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    cause: Cause,
    context: Vec<String>,
    hint: Option<Cow<'static, str>>,
    headline: Option<String>,
}

/// The root of an error.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Cause {
    /// The operating system refused.
    Os(Errno),
    /// A format was broken, a limit passed, a machine misused.
    Format(CoreError),
    /// The same, in an index file; upstream has other texts for some of these.
    Index(CoreError),
    /// INT, TERM or HUP was received.
    Interrupted,
    /// The reader of standard output went away.
    OutputClosed,
    /// Two things were compared, and differ; the exit status is to say so.
    Differs,
    /// Anything else; `errno` is what upstream would have reported.
    Other {
        /// What is wrong.
        message: String,
        /// The nearest system error.
        errno: Errno,
    },
}

impl Error {
    /// An error with a message of its own; `errno` is the nearest system error.
    pub fn new(errno: Errno, message: impl Into<String>) -> Self {
        Self::from(Cause::Other { message: message.into(), errno })
    }

    /// A message that stands alone, as upstream prints it.
    pub fn headline(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut error = Self::from(Cause::Other { message: String::new(), errno: Errno::INVAL });
        error.0.headline = Some(text);
        error
    }

    /// An error of the format that was found in an index.
    pub fn in_index(error: CoreError) -> Self {
        let is_cut = matches!(error, CoreError::Truncated { .. });
        let error = Self::from(Cause::Index(error));
        if is_cut {
            return error.hint("the index is incomplete: was it copied in full, or was its making interrupted?");
        }
        error
    }

    /// Says what was being done.
    #[must_use]
    pub fn context(mut self, what: impl Into<String>) -> Self {
        self.0.context.push(what.into());
        self
    }

    /// Says what to try, unless somebody closer to the cause has.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Sets the first line to upstream's text for this failure; the cause's own text follows after `: `.
    #[must_use]
    pub fn titled(mut self, title: impl fmt::Display) -> Self {
        if self.0.headline.is_none() {
            self.0.headline = Some(format!("{title}: {}", self.errno_text()));
        }
        self
    }

    /// Sets the first line, unless somebody closer to the cause has.
    #[must_use]
    pub fn headed(mut self, headline: impl Into<String>) -> Self {
        self.0.headline.get_or_insert_with(|| headline.into());
        self
    }

    /// The cause.
    pub fn cause(&self) -> &Cause {
        &self.0.cause
    }

    /// Whether bytes are to blame, not the way that they came.
    pub fn is_format(&self) -> bool {
        matches!(self.0.cause, Cause::Format(_) | Cause::Index(_))
    }

    /// Whether the system says that something is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self.0.cause, Cause::Os(Errno::NOENT) | Cause::Other { errno: Errno::NOENT, .. })
    }

    /// The system error that upstream reports for this.
    pub fn errno(&self) -> Errno {
        match &self.0.cause {
            Cause::Os(errno) | Cause::Other { errno, .. } => *errno,
            Cause::Format(error) => errno_of(error, false),
            Cause::Index(error) => errno_of(error, true),
            Cause::Interrupted => Errno::INTR,
            Cause::OutputClosed => Errno::PIPE,
            Cause::Differs => Errno::INVAL,
        }
    }

    /// Its text.
    pub fn errno_text(&self) -> String {
        strerror(self.errno())
    }

    /// The text for people, first line upstream's: headline, then details and hint on lines of their own.
    pub fn report(&self) -> String {
        let mut report = match &self.0.headline {
            Some(headline) => headline.clone(),
            None => format!("Failed to run synchronizer: {}", self.errno_text()),
        };
        let details = self.details();
        if !details.is_empty() {
            report.push_str("\n  ");
            report.push_str(&details);
        }
        if let Some(hint) = self.0.hint.as_deref().or_else(|| limit_hint(self.errno())) {
            report.push_str("\nhint: ");
            report.push_str(hint);
        }
        report
    }

    /// Context, outermost first, and cause on one line.
    fn details(&self) -> String {
        let mut parts: Vec<String> = self.0.context.iter().rev().cloned().collect();
        let cause = self.0.cause.to_string();
        // A bare system error is in the headline already.
        let repeated = parts.is_empty() && matches!(self.0.cause, Cause::Os(_));
        if !cause.is_empty() && !repeated {
            parts.push(cause);
        }
        parts.join(": ")
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os(errno) => f.write_str(&strerror(*errno)),
            Self::Format(error) | Self::Index(error) => error.fmt(f),
            Self::Interrupted => f.write_str("interrupted by a signal"),
            Self::OutputClosed => f.write_str("nobody reads the output any more"),
            Self::Differs => f.write_str("they differ"),
            Self::Other { message, .. } => f.write_str(message),
        }
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self(Box::new(Inner { cause, context: Vec::new(), hint: None, headline: None }))
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Self {
        Self::from(Cause::Os(errno))
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        if let Some(errno) = Errno::from_io_error(&error) {
            return errno.into();
        }
        // One of this program's own may have come through a writer.
        error.downcast::<Self>().unwrap_or_else(|error| Self::new(Errno::IO, error.to_string()))
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        Self::from(Cause::Format(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = self.details();
        match &self.0.headline {
            _ if !details.is_empty() => f.write_str(&details),
            Some(headline) => f.write_str(headline),
            None => self.0.cause.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.report())
    }
}

impl std::error::Error for Error {}

/// Adds context to results.
pub trait Context<T> {
    /// Says what was being done.
    ///
    /// # Errors
    ///
    /// The error of the result, with the context.
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for Result<T, E> {
    fn context<S: Into<String>>(self, what: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().context(what()))
    }
}

/// What to try where the system has no more of something, whoever has asked for it.
fn limit_hint(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::MFILE => Some("`ulimit -n` limits the number of open files"),
        Errno::NOMEM => Some("`ulimit -v` limits it; --memory= and --jobs= make the program take less"),
        _ => None,
    }
}

/// The system's text for an error number.
pub(crate) fn strerror(errno: Errno) -> String {
    let text = io::Error::from(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// The system error that upstream reports for a broken format.
fn errno_of(error: &CoreError, in_index: bool) -> Errno {
    match error {
        CoreError::Format { what: Malformed::FlagsUnset | Malformed::FlagsNotNormalized(_), .. } if in_index => {
            Errno::INVAL
        }
        CoreError::Truncated { .. } => Errno::PIPE,
        CoreError::Limit { what: Limited::Depth | Limited::Stream, .. } => Errno::FBIG,
        CoreError::Unsupported(_) if in_index => Errno::OPNOTSUPP,
        CoreError::Unsupported(_) => Errno::PROTONOSUPPORT,
        CoreError::Usage(UsageError::Unrepresentable(what)) => match what {
            Unrepresentable::WideId(_) => Errno::PROTONOSUPPORT,
            Unrepresentable::Depth => Errno::TOOBIG,
            _ => Errno::INVAL,
        },
        CoreError::Usage(_) => Errno::INVAL,
        _ => Errno::BADMSG,
    }
}
