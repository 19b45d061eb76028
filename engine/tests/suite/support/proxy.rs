//! A relay between an engine and the server that can lose a reply, go silent or be down.
//!
//! The server does what it was asked before its reply is lost: that is what no fail point of the server can do.

mod wire;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
};

use durabl_engine::{EngineOptions, connection::ConnectionSettings};
use mongodb::bson::RawDocument;
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

use super::{Opened, TestQueue, server, waiting::in_time};
use wire::{BEFORE_BODY, first_document, name, read, word};

/// The field of a `hello` that tells the server's time, as it stands in a reply.
const LOCAL_TIME: &[u8] = b"\x09localTime\0";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Open,
    Silent,
    Down,
}

type Wanted = Box<dyn Fn(&RawDocument) -> bool + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HoldState {
    Expected,
    Held,
    LetGo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Request,
    Reply,
}

struct Hold {
    wanted: Wanted,
    part: Part,
    state: watch::Sender<HoldState>,
}

/// The fate of the replies of one connection, by the ids of the requests.
#[derive(Default)]
struct Fates(Mutex<HashMap<[u8; 4], Fate>>);

#[derive(Clone)]
enum Fate {
    Lost,
    Held(watch::Sender<HoldState>),
}

impl Fates {
    fn decide(&self, request: &[u8], fate: Fate) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(word(request, 1), fate);
    }

    fn of(&self, reply: &[u8]) -> Option<Fate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&word(reply, 2))
    }
}

/// A command or reply that is kept back, or will be, for as long as this lives.
pub(crate) struct Held {
    state: watch::Sender<HoldState>,
}

impl Held {
    /// Waits until it has come.
    pub(crate) async fn has_come(&self) {
        let mut state = self.state.subscribe();
        in_time("a command to be held", state.wait_for(|state| *state == HoldState::Held))
            .await
            .expect("a sender");
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.state.send_replace(HoldState::LetGo);
    }
}

/// Replies that are lost until it is said to stop.
pub(crate) struct Losing(Arc<AtomicBool>);

impl Losing {
    pub(crate) fn stop(self) {
        self.0.store(false, Ordering::Release);
    }
}

struct Shared {
    mode: watch::Sender<Mode>,
    /// The next request that one of these wants gets no reply.
    doomed: Mutex<Vec<Wanted>>,
    holds: Mutex<Vec<Hold>>,
    lost: AtomicUsize,
    /// By how many milliseconds the server's clock seems to be ahead of what it is.
    clock_ahead: AtomicI64,
    wants_side: AtomicBool,
}

/// The relay; it ends with the test.
pub(crate) struct Proxy {
    address: String,
    shared: Arc<Shared>,
    _connections: JoinSet<()>,
}

impl Proxy {
    /// A relay to the server under test.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address").to_string();
        let shared = Arc::new(Shared {
            mode: watch::Sender::new(Mode::Open),
            doomed: Mutex::default(),
            holds: Mutex::default(),
            lost: AtomicUsize::new(0),
            clock_ahead: AtomicI64::new(0),
            wants_side: AtomicBool::new(false),
        });
        let mut connections = JoinSet::new();
        connections.spawn(accept(listener, shared.clone()));
        Self { address, shared, _connections: connections }
    }

    /// An engine whose only way to the server is this relay, and whose driver repeats nothing by itself.
    pub(crate) fn engine(&self, queue: &TestQueue) -> Opened {
        self.engine_with(queue, |settings| {
            settings.retry_reads = Some(false);
            settings.retry_writes = Some(false);
        })
    }

    /// An engine whose only way to the server is this relay.
    pub(crate) fn engine_with(
        &self,
        queue: &TestQueue,
        settle: impl FnOnce(&mut ConnectionSettings),
    ) -> Opened {
        self.engine_and_options(queue, settle, |_| {})
    }

    /// An engine whose only way to the server is this relay, and that listens to a change stream.
    pub(crate) fn engine_with_push(&self, queue: &TestQueue) -> Opened {
        self.engine_and_options(queue, |_| {}, |options| options.use_change_streams = true)
    }

    fn engine_and_options(
        &self,
        queue: &TestQueue,
        settle: impl FnOnce(&mut ConnectionSettings),
        choose: impl FnOnce(&mut EngineOptions),
    ) -> Opened {
        let through = |settings: &mut ConnectionSettings| {
            settings.uri = None;
            settings.hosts = vec![self.address.clone()];
            settings.direct_connection = Some(true);
            settle(settings);
        };
        queue.engine_with(through, choose)
    }

    /// Every request for the server's time gets a wrong one from now on.
    pub(crate) fn set_clock_ahead(&self, ms: i64) {
        self.shared.clock_ahead.store(ms, Ordering::Release);
    }

    /// Commands about the side collection are wanted from now on, too: for tests in which no worker writes there by the clock.
    pub(crate) fn want_side(&self) {
        self.shared.wants_side.store(true, Ordering::Release);
    }

    /// Loses the reply to the next command of this name, and the connection with it.
    pub(crate) fn lose_reply_to(&self, command: &'static str) {
        self.lose_reply_if(move |body| name(body) == Some(command));
    }

    /// Loses the reply to the next command that is wanted, and the connection with it.
    pub(crate) fn lose_reply_if(&self, wanted: impl Fn(&RawDocument) -> bool + Send + 'static) {
        self.shared.doomed().push(Box::new(wanted));
    }

    /// Loses the reply to every command that is wanted, until it is to stop.
    pub(crate) fn lose_replies_while(
        &self,
        wanted: impl Fn(&RawDocument) -> bool + Clone + Send + 'static,
    ) -> Losing {
        let losing = Arc::new(AtomicBool::new(true));
        // More than any test lives to see.
        for _ in 0..1_000 {
            let (losing, wanted) = (losing.clone(), wanted.clone());
            self.lose_reply_if(move |command| losing.load(Ordering::Acquire) && wanted(command));
        }
        Losing(losing)
    }

    /// Keeps the next command that is wanted back until the guard is let go.
    pub(crate) fn hold_if(&self, wanted: impl Fn(&RawDocument) -> bool + Send + 'static) -> Held {
        self.hold(Box::new(wanted), Part::Request)
    }

    /// Passes the next command that is wanted on, and keeps its reply back until the guard is let go.
    pub(crate) fn hold_reply_if(&self, wanted: impl Fn(&RawDocument) -> bool + Send + 'static) -> Held {
        self.hold(Box::new(wanted), Part::Reply)
    }

    fn hold(&self, wanted: Wanted, part: Part) -> Held {
        let state = watch::Sender::new(HoldState::Expected);
        self.shared.holds().push(Hold { wanted, part, state: state.clone() });
        Held { state }
    }

    /// The number of replies that were lost so far.
    pub(crate) fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Acquire)
    }

    /// Connections stay, and nothing passes: a server that has frozen.
    pub(crate) fn freeze(&self) {
        self.shared.mode.send_replace(Mode::Silent);
    }

    /// Connections end, and new ones are refused.
    pub(crate) fn go_down(&self) {
        self.shared.mode.send_replace(Mode::Down);
    }

    /// As in the beginning.
    pub(crate) fn come_back(&self) {
        self.shared.mode.send_replace(Mode::Open);
    }
}

impl Shared {
    fn doomed(&self) -> std::sync::MutexGuard<'_, Vec<Wanted>> {
        self.doomed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn holds(&self) -> std::sync::MutexGuard<'_, Vec<Hold>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The command in a message, unless it is about the side collection: workers write there by the clock, which few tests are about.
    fn command_in<'a>(&self, message: &'a [u8]) -> Option<&'a RawDocument> {
        let command = first_document(message.get(BEFORE_BODY..)?)?;
        let (_, about) = command.iter().next()?.ok()?;
        let is_side = about.as_str().is_some_and(|name| name.ends_with(".durabl"));
        (!is_side || self.wants_side.load(Ordering::Acquire)).then_some(command)
    }

    /// The holder of this message, or of the reply to it.
    fn hold_on(&self, message: &[u8]) -> Option<(Part, watch::Sender<HoldState>)> {
        let body = self.command_in(message)?;
        let mut holds = self.holds();
        let place = holds.iter().position(|hold| (hold.wanted)(body))?;
        let hold = holds.remove(place);
        Some((hold.part, hold.state))
    }

    /// Whether the reply to this message is to be lost.
    fn dooms(&self, message: &[u8]) -> bool {
        let Some(body) = self.command_in(message) else { return false };
        let mut doomed = self.doomed();
        let found = doomed.iter().position(|wanted| wanted(body));
        found.map(|place| drop(doomed.remove(place))).is_some()
    }

    /// Puts the wrong time in, where the server tells its own.
    fn shift_clock(&self, reply: &mut [u8]) {
        let ahead = self.clock_ahead.load(Ordering::Acquire);
        let at = reply.windows(LOCAL_TIME.len()).position(|bytes| bytes == LOCAL_TIME);
        let time = at.and_then(|at| reply[at + LOCAL_TIME.len()..].first_chunk_mut::<8>());
        if let (Some(time), true) = (time, ahead != 0) {
            *time = (i64::from_le_bytes(*time) + ahead).to_le_bytes();
        }
    }

    async fn until_open(&self) {
        _ = self.mode.subscribe().wait_for(|mode| *mode != Mode::Silent).await;
    }

    async fn until_down(&self) {
        _ = self.mode.subscribe().wait_for(|mode| *mode == Mode::Down).await;
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        if *shared.mode.borrow() == Mode::Down {
            continue;
        }
        let shared = shared.clone();
        connections.spawn(async move {
            let server = TcpStream::connect(server::address()).await.expect("the server takes connections");
            relay(client, server, &shared).await;
        });
    }
}

async fn until_let_go(state: watch::Sender<HoldState>) {
    // Unless it was let go before it came.
    state.send_if_modified(|state| {
        let is_expected = *state == HoldState::Expected;
        if is_expected {
            *state = HoldState::Held;
        }
        is_expected
    });
    _ = state.subscribe().wait_for(|state| *state == HoldState::LetGo).await;
}

/// Ends, and both connections with it, when either side is gone, a reply is lost or the relay is down.
async fn relay(client: TcpStream, server: TcpStream, shared: &Shared) {
    let fates = Fates::default();
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = pass_requests(from_client, to_server, shared, &fates) => {}
        () = pass_replies(from_server, to_client, shared, &fates) => {}
        () = shared.until_down() => {}
    }
}

async fn pass_requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, fates: &Fates) {
    while let Some(message) = read(&mut from).await {
        shared.until_open().await;
        match shared.hold_on(&message) {
            Some((Part::Request, state)) => until_let_go(state).await,
            Some((Part::Reply, state)) => fates.decide(&message, Fate::Held(state)),
            None => {}
        }
        if shared.dooms(&message) {
            fates.decide(&message, Fate::Lost);
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}

async fn pass_replies(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared, fates: &Fates) {
    while let Some(mut message) = read(&mut from).await {
        shared.until_open().await;
        shared.shift_clock(&mut message);
        match fates.of(&message) {
            Some(Fate::Lost) => {
                shared.lost.fetch_add(1, Ordering::AcqRel);
                return;
            }
            Some(Fate::Held(state)) => until_let_go(state).await,
            None => {}
        }
        if to.write_all(&message).await.is_err() {
            return;
        }
    }
}
