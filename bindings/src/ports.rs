//! Message ports whose unread messages are counted. deno_web's own keep them in queues that
//! nobody is charged for; here the same queues have a count, and a message that the isolate has
//! no room for ends the running event.

use std::borrow::Cow;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use deno_core::{
    CancelFuture as _, CancelHandle, DetachedBuffer, JsBuffer, OpDecl, OpState, RcRef, Resource,
    ResourceId, TransferredResource, op2, v8,
};
use deno_error::JsErrorBox;
use deno_web::{
    JsMessageData, MessagePort, MessagePortError, RecvMessageData, create_entangled_message_port,
};

use crate::memory::Meter;

/// What a port takes beside its messages, in bytes.
const PORT_BYTES: usize = 1024;
/// What a message takes beside its content, in bytes.
const MESSAGE_BYTES: usize = 128;
/// Room is asked for when unread messages have grown by so much, in bytes.
const STEP_BYTES: usize = 1 << 20;

/// The ops that take the place of deno_web's.
pub(crate) fn declarations() -> Vec<OpDecl> {
    vec![
        op_message_port_create_entangled(),
        op_message_port_post_message(),
        op_message_port_post_message_raw(),
        op_message_port_recv_message(),
        op_message_port_recv_message_sync(),
    ]
}

/// Messages on their way in one direction.
#[derive(Default)]
struct Queue {
    bytes: AtomicUsize,
    /// Whether the port that would read them is gone.
    closed: AtomicBool,
    /// Ports that are in them.
    ports: AtomicUsize,
    /// Whether the port that would read them is in a message itself.
    is_away: AtomicBool,
}

/// One end, as it is while it is handed from one object to another.
struct Counted {
    port: MessagePort,
    outgoing: Arc<Queue>,
    incoming: Arc<Queue>,
    /// All unread messages of the isolate.
    total: Arc<AtomicUsize>,
}

impl Counted {
    fn new(
        port: MessagePort,
        outgoing: &Arc<Queue>,
        incoming: &Arc<Queue>,
        total: &Arc<AtomicUsize>,
    ) -> Counted {
        total.fetch_add(PORT_BYTES, Ordering::Relaxed);
        Counted {
            port,
            outgoing: outgoing.clone(),
            incoming: incoming.clone(),
            total: total.clone(),
        }
    }

    /// Counts a message that is about to be sent; answers whether a step is full with it.
    fn sent(&self, bytes: usize) -> bool {
        if self.outgoing.closed.load(Ordering::Relaxed) {
            return false;
        }
        let bytes = bytes + MESSAGE_BYTES;
        self.outgoing.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.total.fetch_add(bytes, Ordering::Relaxed);
        before / STEP_BYTES != (before + bytes) / STEP_BYTES
    }

    fn received(&self, data: &JsMessageData) {
        self.incoming.ports.fetch_sub(ports_of(data).len(), Ordering::Relaxed);
        self.received_bytes(data.data.len());
    }

    fn received_bytes(&self, bytes: usize) {
        let bytes = bytes + MESSAGE_BYTES;
        self.incoming.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.total.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.incoming.closed.store(true, Ordering::Relaxed);
        let unread = self.incoming.bytes.swap(0, Ordering::Relaxed);
        self.total.fetch_sub(unread + PORT_BYTES, Ordering::Relaxed);
    }
}

/// One end that JavaScript has.
struct PortResource {
    port: Counted,
    cancel: CancelHandle,
}

impl PortResource {
    fn new(port: Counted) -> PortResource {
        PortResource { port, cancel: CancelHandle::new() }
    }
}

impl Resource for PortResource {
    fn name(&self) -> Cow<'_, str> {
        "messagePort".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
    }

    fn transfer(self: Rc<Self>) -> Result<Box<dyn TransferredResource>, JsErrorBox> {
        self.cancel.cancel();
        let resource =
            Rc::try_unwrap(self).map_err(|_| JsErrorBox::from_err(MessagePortError::NotReady))?;
        resource.port.incoming.is_away.store(true, Ordering::Relaxed);
        Ok(Box::new(resource.port))
    }
}

impl TransferredResource for Counted {
    fn receive(self: Box<Self>) -> Rc<dyn Resource> {
        self.incoming.is_away.store(false, Ordering::Relaxed);
        Rc::new(PortResource::new(*self))
    }
}

#[op2]
fn op_message_port_create_entangled(state: &mut OpState) -> (ResourceId, ResourceId) {
    let total = state.borrow::<Meter>().queued().clone();
    let (one, other) = create_entangled_message_port();
    let (there, back) = (Arc::<Queue>::default(), Arc::<Queue>::default());
    let one = Counted::new(one, &there, &back, &total);
    let other = Counted::new(other, &back, &there, &total);
    let one = state.resource_table.add(PortResource::new(one));
    let other = state.resource_table.add(PortResource::new(other));
    (one, other)
}

fn find(state: &OpState, rid: ResourceId) -> Result<Rc<PortResource>, MessagePortError> {
    state.resource_table.get::<PortResource>(rid).map_err(MessagePortError::Resource)
}

#[op2]
fn op_message_port_post_message(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[serde] data: JsMessageData,
) -> Result<(), MessagePortError> {
    post(scope, &state, rid, data)
}

#[op2]
fn op_message_port_post_message_raw(
    scope: &mut v8::PinScope<'_, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[buffer(detach)] data: JsBuffer,
) -> Result<(), MessagePortError> {
    let data = DetachedBuffer::from_v8slice(data.into_parts());
    post(scope, &state, rid, JsMessageData { data, transferables: Vec::new() })
}

fn post(
    isolate: &mut v8::Isolate,
    state: &Rc<RefCell<OpState>>,
    rid: ResourceId,
    data: JsMessageData,
) -> Result<(), MessagePortError> {
    let resource = find(&state.borrow(), rid)?;
    let bytes = data.data.len();
    let ports = ports_of(&data);
    if !may_carry(&mut state.borrow_mut(), &resource, rid, &ports)? {
        return Ok(());
    }
    let is_full = resource.port.sent(bytes);
    if is_full {
        let meter = state.borrow().borrow::<Meter>().clone();
        meter.demand(isolate, 0);
    }
    let sent = resource.port.port.send(&mut state.borrow_mut(), data);
    if sent.is_err() && !resource.port.outgoing.closed.load(Ordering::Relaxed) {
        let bytes = bytes + MESSAGE_BYTES;
        resource.port.outgoing.bytes.fetch_sub(bytes, Ordering::Relaxed);
        resource.port.total.fetch_sub(bytes, Ordering::Relaxed);
    }
    if sent.is_ok() {
        resource.port.outgoing.ports.fetch_add(ports.len(), Ordering::Relaxed);
    }
    sent
}

/// The ports in a message.
fn ports_of(data: &JsMessageData) -> Vec<ResourceId> {
    if data.transferables.is_empty() {
        return Vec::new();
    }
    // Their type is not public: it is known by the shape that it has for JavaScript.
    let transferables = serde_json::to_value(&data.transferables).unwrap_or_default();
    let is_resource = |item: &&serde_json::Value| item["kind"] == "resource";
    let list = transferables.as_array().into_iter().flatten().filter(is_resource);
    list.filter_map(|item| item["data"][1].as_u64()?.try_into().ok()).collect()
}

/// Whether a message with these ports is to be sent on a port; one that would come to a port of its own
/// is dropped, with its ports (HTML Standard, 9.4.3, message port post message steps: "doomed").
///
/// # Errors
/// For ports within ports: in a circle they would be there for ever, and a long row of them could not
/// be dropped without an end of the stack. So a port goes nowhere while a message with a port waits for
/// it, and carries no port while it is on its way itself.
fn may_carry(
    state: &mut OpState,
    sender: &PortResource,
    rid: ResourceId,
    ports: &[ResourceId],
) -> Result<bool, MessagePortError> {
    if ports.contains(&rid) {
        return Err(MessagePortError::TransferSelf);
    }
    let mut is_doomed = false;
    for port in ports {
        let incoming = find(state, *port)?.port.incoming.clone();
        is_doomed |= Arc::ptr_eq(&incoming, &sender.port.outgoing);
        if incoming.ports.load(Ordering::Relaxed) > 0 {
            return Err(MessagePortError::NotReady);
        }
    }
    if !ports.is_empty() && sender.port.outgoing.is_away.load(Ordering::Relaxed) {
        return Err(MessagePortError::NotReady);
    }
    if is_doomed {
        for port in ports {
            drop(state.resource_table.take_any(*port));
        }
    }
    Ok(!is_doomed)
}

#[op2]
async fn op_message_port_recv_message(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
) -> Result<Option<RecvMessageData>, MessagePortError> {
    let Ok(resource) = find(&state.borrow(), rid) else { return Ok(None) };
    let cancel = RcRef::map(resource.clone(), |resource| &resource.cancel);
    let received = resource.port.port.recv(state).or_cancel(cancel).await??;
    match &received {
        Some(RecvMessageData::Raw(data)) => resource.port.received_bytes(data.len()),
        Some(RecvMessageData::Full(data)) => resource.port.received(data),
        None => {}
    }
    Ok(received)
}

#[op2]
fn op_message_port_recv_message_sync(
    state: &mut OpState,
    #[smi] rid: ResourceId,
) -> Result<Option<JsMessageData>, MessagePortError> {
    let resource = find(state, rid)?;
    let received = resource.port.port.try_recv_sync(state)?;
    if let Some(data) = &received {
        resource.port.received(data);
    }
    Ok(received)
}
