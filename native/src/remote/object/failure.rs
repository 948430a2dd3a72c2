//! What an object store answers, as errors of this program.
//!
//! Only what the service said of the request is repeated, never the request: its headers are signed.

use object_store::Error as StoreError;
use rustix::io::Errno;

use crate::error::Error;

/// What came of asking for one object.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such object, in a bucket that there is (unless the service does not say).
    Absent,
    /// There is one already, or not the one that was expected.
    Conflict,
    /// Anything else.
    Other(Error),
}

impl Failure {
    /// An error in any case, of which `name` was the object.
    pub(super) fn into_error(self, name: &str) -> Error {
        match self {
            Self::Absent => Error::new(Errno::NOENT, format!("{name:?} does not exist")),
            Self::Conflict => Error::new(Errno::EXIST, format!("{name:?} was changed by somebody else meanwhile")),
            Self::Other(error) => error,
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let told = Told::by(&error);
        match &error {
            StoreError::NotFound { .. } if told.is_about_bucket() => Self::Other(no_bucket()),
            StoreError::NotFound { .. } => Self::Absent,
            StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. } => {
                Self::Conflict
            }
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Self::Other(denied(&told)),
            _ if told.is_about_bucket() => Self::Other(no_bucket()),
            _ if told.is_about_credentials() => Self::Other(denied(&told)),
            _ => Self::Other(Error::new(Errno::IO, told.text)),
        }
    }
}

/// Whether the service does not know what it was asked to do.
pub(super) fn is_unsupported(error: &StoreError) -> bool {
    matches!(error, StoreError::NotImplemented { .. } | StoreError::NotSupported { .. })
        || Told::by(error).is_unsupported()
}

fn no_bucket() -> Error {
    Error::new(Errno::NOENT, "the bucket does not exist").hint("make the bucket with the service's own tools first")
}

fn denied(told: &Told) -> Error {
    Error::new(Errno::ACCESS, format!("access denied: {}", told.text)).hint(
        "look at the credentials in the environment and files; without the right to list, S3 also says this of objects that do not exist",
    )
}

/// The service's own words.
struct Told {
    /// Code and message, or what was wrong with the connection.
    text: String,
    code: Option<String>,
}

impl Told {
    fn by(error: &StoreError) -> Self {
        // The library's types for failed requests are its own; their texts are what there is.
        let mut cause: &dyn std::error::Error = error;
        loop {
            let text = cause.to_string();
            if let Some(answer) = ANSWERS.iter().find_map(|start| text.strip_prefix(start)) {
                return Self::in_answer(answer);
            }
            match cause.source() {
                Some(source) => cause = source,
                None => return Self { text, code: None },
            }
        }
    }

    fn in_answer(answer: &str) -> Self {
        let (status, body) = answer.split_once(": ").unwrap_or((answer, answer));
        // A body without a status, if the answer was an error though its status was not.
        let status = if status.starts_with('<') { "no status" } else { status };
        let (code, message) = (element(body, "Code"), element(body, "Message"));
        let text = match &code {
            Some(code) => {
                let message = message.map(|message| format!(": {message}")).unwrap_or_default();
                format!("the server said {status}, {code}{message}")
            }
            None => format!("the server said {status}"),
        };
        Self { text, code }
    }

    fn is_unsupported(&self) -> bool {
        matches!(self.code.as_deref(), Some("NotImplemented")) || self.text.contains("said 501")
    }

    fn is_about_bucket(&self) -> bool {
        matches!(self.code.as_deref(), Some("NoSuchBucket" | "ContainerNotFound"))
    }

    fn is_about_credentials(&self) -> bool {
        /// Codes that come with another status than 403, from some servers at least.
        const CODES: [&str; 5] =
            ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "AuthenticationFailed"];
        let refused = ["said 401", "said 403"].into_iter().any(|status| self.text.contains(status));
        refused || self.code.as_deref().is_some_and(|code| CODES.contains(&code))
    }
}

/// How the library begins to say that there was an answer, but none that was hoped for.
const ANSWERS: [&str; 2] = ["Server returned non-2xx status code: ", "Server returned error response: "];

/// The text of an XML element that has only text. Enough for the errors of all three services, which are flat; what cannot be
/// read is left out.
fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once("</")?;
    let text: String = text.chars().filter(|c| !c.is_control()).take(300).collect();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let told = |text: &str| Told::in_answer(text);
        let denied = told("403 Forbidden: <Error><Code>AccessDenied</Code><Message>No</Message></Error>");
        assert_eq!(denied.text, "the server said 403 Forbidden, AccessDenied: No");
        assert!(denied.is_about_credentials());
        assert_eq!(told("503 Service Unavailable: ").text, "the server said 503 Service Unavailable");
        assert_eq!(told("<Error><Code>SlowDown</Code></Error>").code.as_deref(), Some("SlowDown"));
    }

    #[test]
    fn elements() {
        let body = "<?xml?><Error><Code>NoSuchBucket</Code><Message>It is\nnot</Message></Error>";
        assert_eq!(element(body, "Code").as_deref(), Some("NoSuchBucket"));
        assert_eq!(element(body, "Message").as_deref(), Some("It isnot"));
        assert_eq!(element(body, "Key"), None);
        assert_eq!(element("<Code>", "Code"), None);
    }
}
