//! One connection: questions go out at once, answers find those who wait for them by number.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openssh_sftp_protocol::file_attrs::FileAttrs;
use openssh_sftp_protocol::open_options::{CreateFlags, OpenOptions};
use openssh_sftp_protocol::request::RequestInner;
use openssh_sftp_protocol::response::Extensions;
use rustix::io::Errno;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::{mpsc, oneshot};

use super::handle::Handle;
use super::place::Destination;
use super::wire::{self, Answer, Name, Status};
use crate::error::{Error, Result};
use crate::remote::rate::Rate;
use crate::remote::session::{Child, Complaints, Patience};

/// A process that speaks SFTP, and who waits for what it says.
#[derive(Debug)]
pub(super) struct Session {
    questions: mpsc::UnboundedSender<Vec<u8>>,
    shared: Arc<Shared>,
    extensions: Extensions,
    patience: Duration,
    // After the way to it, so that its input has ended when it is waited for.
    child: Child,
}

/// What the session and its two tasks share.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    begun: Instant,
    /// Milliseconds from then to when bytes were moved last.
    moved: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    next: u32,
    waiting: HashMap<u32, oneshot::Sender<Result<Answer>>>,
    /// Why nothing more can be asked.
    ended: Option<Error>,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not there.
    Absent,
    /// The server does not do it, and says why.
    Refused(Status, String),
    /// The connection is gone.
    Lost(Error),
    /// Anything else.
    Other(Error),
}

impl Session {
    /// Starts ssh, and waits until a server answers.
    pub(super) async fn start(destination: &Destination, rate: Option<Arc<Rate>>) -> Result<Self> {
        let patience = Patience::from_environment().answer;
        let (child, (output, input)) = Child::start(destination.command(), destination.name(), Complaints::Shown)?;
        let (output, mut input) = (Receiver::from_owned_fd(output)?, Sender::from_owned_fd(input)?);
        let mut output = BufReader::with_capacity(1 << 16, output);
        let greeting = async {
            input.write_all(&wire::hello()?).await?;
            wire::version(&wire::packet(&mut output).await?)
        };
        let greeted = match tokio::time::timeout(patience, greeting).await {
            Ok(greeted) => greeted.map_err(|error| if error.errno() == Errno::IO { ended() } else { error }),
            Err(_) => Err(silence(patience)),
        };
        let extensions =
            greeted.map_err(|error| child.explain(error).context(format!("connect to {}", destination.name())))?;
        let (questions, asked) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { state: Mutex::default(), begun: Instant::now(), moved: AtomicU64::new(0) });
        tokio::spawn(listen(output, Arc::clone(&shared), rate.clone()));
        tokio::spawn(speak(input, asked, Arc::clone(&shared), rate));
        Ok(Self { questions, shared, extensions, patience, child })
    }

    /// Whether nothing more can be asked.
    pub(super) fn is_over(&self) -> bool {
        self.shared.lock().ended.is_some()
    }

    /// An error of this session, with what is known of the end of its process.
    pub(super) fn explain(&self, error: Error) -> Error {
        self.child.explain(error)
    }

    /// Sends a question; the answer can be waited for later, or never.
    pub(super) fn ask(&self, inner: RequestInner<'_>) -> Asked {
        self.send(|id| wire::question(id, inner))
    }

    /// Sends data to be written.
    pub(super) fn write(&self, handle: &openssh_sftp_protocol::Handle, offset: u64, data: &[u8]) -> Asked {
        self.send(|id| wire::write(id, handle, offset, data))
    }

    fn send(&self, packet: impl FnOnce(u32) -> Result<Vec<u8>>) -> Asked {
        let (answered, answer) = oneshot::channel();
        let asked = Asked { answer, shared: Arc::clone(&self.shared), patience: self.patience, since: Instant::now() };
        let mut state = self.shared.lock();
        if let Some(error) = &state.ended {
            let _ = answered.send(Err(error.clone()));
            return asked;
        }
        let id = state.next;
        state.next = id.wrapping_add(1);
        match packet(id) {
            Ok(packet) => {
                state.waiting.insert(id, answered);
                // Nobody takes it only if the session is ending, which all who wait get to know.
                let _ = self.questions.send(packet);
            }
            Err(error) => drop(answered.send(Err(error))),
        }
        asked
    }

    /// Opens a file for reading.
    pub(super) async fn open(self: &Arc<Self>, path: &str) -> Result<Handle, Failure> {
        let request = OpenOptions::new().read(true).open(Cow::Borrowed(Path::new(path)));
        Handle::new(self, self.ask(RequestInner::Open(request)).answer().await?)
    }

    /// Makes a file that is not there yet.
    pub(super) async fn create(self: &Arc<Self>, path: &str) -> Result<Handle, Failure> {
        let options = OpenOptions::new().write(true);
        let request = options.create(Cow::Borrowed(Path::new(path)), CreateFlags::Excl, FileAttrs::new());
        Handle::new(self, self.ask(RequestInner::Open(request)).answer().await?)
    }

    /// Opens a directory.
    pub(super) async fn open_directory(self: &Arc<Self>, path: &str) -> Result<Handle, Failure> {
        Handle::new(self, self.ask(RequestInner::Opendir(Cow::Borrowed(Path::new(path)))).answer().await?)
    }

    /// Makes a directory. One that is there already is as good.
    pub(super) async fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let path = Path::new(path);
        let made = self.ask(RequestInner::Mkdir { path: Cow::Borrowed(path), attrs: FileAttrs::new() }).done().await;
        match made {
            // There is no code for what is there.
            Err(Failure::Refused(..))
                if self.ask(RequestInner::Stat(Cow::Borrowed(path))).attributes().await.is_ok() =>
            {
                Ok(())
            }
            made => made,
        }
    }

    /// What is known of a file; `None` if it is not there.
    pub(super) async fn look(&self, path: &str) -> Result<Option<FileAttrs>, Failure> {
        match self.ask(RequestInner::Stat(Cow::Borrowed(Path::new(path)))).attributes().await {
            Ok(attributes) => Ok(Some(attributes)),
            Err(Failure::Absent) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Removes a file. What is gone already is no error.
    pub(super) async fn remove(&self, path: &str) -> Result<(), Failure> {
        match self.ask(RequestInner::Remove(Cow::Borrowed(Path::new(path)))).done().await {
            Err(Failure::Absent) => Ok(()),
            removed => removed,
        }
    }

    /// Gives a file another name, unless that is taken.
    pub(super) async fn rename(&self, from: &str, to: &str) -> Result<(), Failure> {
        let (oldpath, newpath) = (Cow::Borrowed(Path::new(from)), Cow::Borrowed(Path::new(to)));
        self.ask(RequestInner::Rename { oldpath, newpath }).done().await
    }

    /// Puts a file in the place of another one, or of none.
    pub(super) async fn replace(&self, from: &str, to: &str) -> Result<(), Failure> {
        if self.extensions.contains(Extensions::POSIX_RENAME) {
            let (oldpath, newpath) = (Cow::Borrowed(Path::new(from)), Cow::Borrowed(Path::new(to)));
            return self.ask(RequestInner::PosixRename { oldpath, newpath }).done().await;
        }
        // The protocol itself has no way to do that at once: for a moment there is neither.
        match self.rename(from, to).await {
            Err(Failure::Refused(..)) => {
                self.remove(to).await?;
                self.rename(from, to).await
            }
            renamed => renamed,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.moved.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    fn moved(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    /// Tells all who wait, now and later.
    fn end(&self, error: Error) {
        let mut state = self.lock();
        let error = state.ended.get_or_insert(error).clone();
        for (_, waiting) in state.waiting.drain() {
            let _ = waiting.send(Err(error.clone()));
        }
    }

    /// Keeps to a limit of bytes a second. Waiting for that is no silence.
    async fn throttle(&self, rate: Option<&Arc<Rate>>, mut bytes: usize) {
        /// So few that none of them takes long.
        const STEP: usize = 1 << 12;
        let Some(rate) = rate else { return };
        while bytes > 0 {
            let step = bytes.min(STEP);
            rate.wait(step).await;
            self.touch();
            bytes -= step;
        }
    }
}

/// Hands answers to those who wait for them, until the pipe or the protocol breaks.
async fn listen(mut output: BufReader<Receiver>, shared: Arc<Shared>, rate: Option<Arc<Rate>>) {
    let error = loop {
        let packet = match wire::packet(&mut output).await {
            Ok(packet) => packet,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break ended(),
            Err(error) => break error.into(),
        };
        shared.touch();
        shared.throttle(rate.as_ref(), packet.len()).await;
        match wire::answer(&packet) {
            Ok((id, answer)) => {
                let Some(waiting) = shared.lock().waiting.remove(&id) else {
                    break Error::new(Errno::BADMSG, "what comes is not SFTP: an answer that nobody has asked for");
                };
                // Who waited may be gone.
                let _ = waiting.send(Ok(answer));
            }
            Err(error) => break error,
        }
    };
    shared.end(error);
}

/// Sends questions, until nobody asks any more or the pipe breaks.
async fn speak(
    mut input: Sender,
    mut questions: mpsc::UnboundedReceiver<Vec<u8>>,
    shared: Arc<Shared>,
    rate: Option<Arc<Rate>>,
) {
    while let Some(packet) = questions.recv().await {
        shared.throttle(rate.as_ref(), packet.len()).await;
        if input.write_all(&packet).await.is_err() {
            return shared.end(ended());
        }
        shared.touch();
    }
}

fn ended() -> Error {
    Error::new(Errno::PIPE, "the connection has ended")
}

fn silence(patience: Duration) -> Error {
    Error::new(Errno::TIMEDOUT, format!("nothing came for {} seconds", patience.as_secs()))
        .hint("CASYNC_REMOTE_TIMEOUT says how many seconds to wait")
}

/// A question that was sent.
#[derive(Debug)]
pub(super) struct Asked {
    answer: oneshot::Receiver<Result<Answer>>,
    shared: Arc<Shared>,
    patience: Duration,
    since: Instant,
}

impl Asked {
    /// Waits for the answer. That may take long as long as anything moves.
    pub(super) async fn answer(mut self) -> Result<Answer, Failure> {
        loop {
            let deadline = self.since.max(self.shared.moved()) + self.patience;
            tokio::select! {
                answer = &mut self.answer => return match answer {
                    Ok(Ok(Answer::Status(Status::NoSuchFile, _))) => Err(Failure::Absent),
                    Ok(Ok(answer)) => Ok(answer),
                    Ok(Err(error)) => Err(Failure::Lost(error)),
                    Err(_) => Err(Failure::Lost(ended())),
                },
                () = tokio::time::sleep_until(deadline.into()) => {
                    if self.since.max(self.shared.moved()) + self.patience <= Instant::now() {
                        let error = silence(self.patience);
                        self.shared.end(error.clone());
                        return Err(Failure::Lost(error));
                    }
                }
            }
        }
    }

    /// The same for what is just to be done.
    pub(super) async fn done(self) -> Result<(), Failure> {
        match self.answer().await? {
            Answer::Status(Status::Done, _) => Ok(()),
            answer => Err(Failure::unexpected(answer)),
        }
    }

    /// The same for data; `None` at the end.
    pub(super) async fn data(self) -> Result<Option<bytes::Bytes>, Failure> {
        match self.answer().await? {
            Answer::Data(data) if data.is_empty() => Ok(None),
            Answer::Data(data) => Ok(Some(data)),
            Answer::Status(Status::End, _) => Ok(None),
            answer => Err(Failure::unexpected(answer)),
        }
    }

    /// The same for what is known of a file.
    pub(super) async fn attributes(self) -> Result<FileAttrs, Failure> {
        match self.answer().await? {
            Answer::Attributes(attributes) => Ok(attributes),
            answer => Err(Failure::unexpected(answer)),
        }
    }

    /// The same for entries of a directory; `None` at the end.
    pub(super) async fn names(self) -> Result<Option<Vec<Name>>, Failure> {
        match self.answer().await? {
            Answer::Names(names) => Ok(Some(names)),
            Answer::Status(Status::End, _) => Ok(None),
            answer => Err(Failure::unexpected(answer)),
        }
    }
}

impl Failure {
    /// An answer that is not the one that was hoped for.
    pub(super) fn unexpected(answer: Answer) -> Self {
        match answer {
            Answer::Status(Status::Done | Status::End, _)
            | Answer::Handle(_)
            | Answer::Data(_)
            | Answer::Names(_)
            | Answer::Attributes(_) => Self::Other(Error::new(Errno::BADMSG, "the server answers another question")),
            Answer::Status(status, text) => Self::Refused(status, text),
        }
    }

    /// As an error that can be shown.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Absent => Errno::NOENT.into(),
            Self::Refused(Status::Denied, _) => Errno::ACCESS.into(),
            Self::Refused(status, text) => {
                let errno = if status == Status::Unsupported { Errno::OPNOTSUPP } else { Errno::IO };
                // What a server says is shown without what could steer a terminal.
                let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
                Error::new(errno, format!("the server refuses it: {}", if text.is_empty() { "Failure" } else { &text }))
            }
            Self::Lost(error) | Self::Other(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Adds what was being done to whatever the server said.
pub(super) fn during<T>(done: Result<T, Failure>, what: impl FnOnce() -> String) -> Result<T, Failure> {
    match done {
        Err(Failure::Lost(error)) => Err(Failure::Lost(error)),
        Err(failure) => Err(Failure::Other(failure.into_error().context(what()))),
        Ok(done) => Ok(done),
    }
}
