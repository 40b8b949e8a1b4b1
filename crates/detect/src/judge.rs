//! Was this packet wanted? The conversation's memory, asked for one observation.

use wire::{Address, TcpFlags};

use crate::conversation::{Conversation, Conversations, Key, Side, state};
use crate::observation::{Observation, Opening};
use crate::vector::{Vector, protocol};

/// A TLS client that sent this many packets with payload has finished its handshake.
const HANDSHAKE_PACKETS: u16 = state::CARRIED_MAXIMUM;

/// A one-way conversation of UDP with this many packets is a stream: media, logs, flow exports. Floods have
/// few packets for each pair of ports.
const STREAM_PACKETS: u32 = 32;
/// What a packet of a stream counts: a stream alone must be ten times the floor.
const STREAM_WEIGHT: f32 = 0.1;

/// What the memory says of one observation.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Judgement {
    /// Whether nobody asked for it, as far as is known.
    pub(crate) is_unwanted: bool,
    /// How much of an unwanted packet it is, 0 to 1.
    pub(crate) weight: f32,
    /// Whether the receiver has sent in this conversation.
    pub(crate) receiver_sends: bool,
    /// Whether the sender speaks here for the first time.
    pub(crate) sender_speaks_up: bool,
    /// Whether the conversation was not known.
    pub(crate) is_new: bool,
    /// Whether this packet completes a handshake towards its receiver.
    pub(crate) completes: bool,
    /// Packets towards the receiver that turned out wanted by this one.
    pub(crate) take_back_of_receiver: Option<(Vector, f32)>,
    /// Packets towards the sender that turned out wanted because it answers.
    pub(crate) take_back_of_sender: Option<(Vector, f32)>,
    /// A further kind that this packet counts as: an opened connection, a TLS handshake.
    pub(crate) also: Option<Vector>,
}

/// What is said of a packet that [`is_routine`].
pub(crate) static ROUTINE: Judgement = Judgement { receiver_sends: true, ..NOTHING };

const NOTHING: Judgement = Judgement {
    is_unwanted: false,
    weight: 1.0,
    receiver_sends: false,
    sender_speaks_up: false,
    is_new: false,
    completes: false,
    take_back_of_receiver: None,
    take_back_of_sender: None,
    also: None,
};

impl Default for Judgement {
    fn default() -> Self {
        NOTHING
    }
}

/// Whether a packet is one of many like it: of a conversation in which both sides have spoken, with nothing in it that
/// changes what is known. It is wanted, its receiver sends, and there is nothing else to say of it: what [`judge`]
/// would find out, at a fraction of the cost.
#[inline]
pub(crate) fn is_routine(
    conversations: &mut Conversations,
    observation: &Observation,
    key: Key,
    vector: Vector,
    step: u32,
) -> bool {
    let is_tcp = observation.protocol == protocol::TCP;
    if !may_be_routine(vector, is_tcp) {
        return false;
    }
    let Some((state, is_first_speaker)) = conversations.settled(key, step) else { return false };
    if is_tcp {
        // Of an opened connection's first packets with payload each one counts; a SYN may be of another one.
        let is_established = state & state::ESTABLISHED != 0;
        let counts = observation.carries_payload && is_first_speaker && is_established;
        (is_established || !observation.tcp_flags.has(TcpFlags::SYN))
            && (!counts || state & state::CARRIED_COUNT == state::CARRIED_COUNT)
    } else {
        // An answer is wanted by who asked, not by who is asked.
        !is_first_speaker || !vector.is_reflection() || vector.is_between_peers()
    }
}

/// Whether packets of a kind can be routine: a test of bits, since a jump by kind is seldom foreseen.
#[inline]
const fn may_be_routine(vector: Vector, is_tcp: bool) -> bool {
    const BOTH: u64 =
        1 << Vector::UdpFlood as u8 | 1 << Vector::QuicFlood as u8 | 1 << Vector::DnsQueryFlood as u8;
    const TCP: u64 = BOTH | 1 << Vector::AckFlood as u8 | 1 << Vector::FinFlood as u8;
    const OTHERS: u64 = BOTH | ((1 << (Vector::TcpReflection as u8 + 1)) - 1);
    let kinds = if is_tcp { TCP } else { OTHERS };
    kinds >> (vector as u8 & 63) & 1 != 0
}

/// Asks the memory about one observation, and tells it.
pub(crate) fn judge(
    conversations: &mut Conversations,
    observation: &Observation,
    (key, quotes): (Key, bool),
    vector: Vector,
    step: u32,
) -> Judgement {
    if vector == Vector::FragmentFlood {
        return Judgement { is_unwanted: true, ..Judgement::default() };
    }
    if vector == Vector::IcmpFlood {
        return judge_icmp(conversations, observation, (key, quotes), step);
    }
    // A reset is what a closed port says to everybody; it agrees to nothing.
    let quiet = vector == Vector::RstFlood;
    let (mut kept, side, place) = conversations.note(key, step, quiet);
    let conversation = &mut kept;
    let first_word = !quiet && !side.is_first_speaker && conversation.state & state::ANSWERED == 0;
    let mut judgement = Judgement {
        receiver_sends: conversation.state & side.other_sent != 0,
        sender_speaks_up: side.is_new || first_word || (quiet && !side.is_first_speaker),
        is_new: side.is_new,
        ..Judgement::default()
    };
    if first_word {
        conversation.state |= state::ANSWERED;
    }
    if observation.protocol == protocol::TCP {
        judge_tcp(conversation, side, observation, vector, &mut judgement);
    } else {
        judge_other(conversation, side, observation, vector, &mut judgement);
    }
    conversations.put(place, kept);
    judgement
}

fn judge_tcp(
    conversation: &mut Conversation,
    side: Side,
    observation: &Observation,
    vector: Vector,
    judgement: &mut Judgement,
) {
    let spoken = conversation.state & side.other_sent != 0;
    match vector {
        Vector::SynFlood => {
            if conversation.state & state::ESTABLISHED != 0 || !side.is_first_speaker {
                conversation.begin_again(side);
            }
            conversation.state |= state::SYN;
            judgement.is_unwanted = true;
            owe(conversation, Vector::SynFlood, observation.packets, true);
            return;
        }
        Vector::TcpFlagFlood => {
            judgement.is_unwanted = true;
            return;
        }
        Vector::SynAckFlood if !side.is_first_speaker => conversation.state |= state::SYN_ACK,
        // Of two flow records of one connection the server's may come first.
        Vector::AckFlood | Vector::FinFlood
            if side.is_first_speaker
                || (observation.is_flow() && observation.tcp_flags.has(TcpFlags::SYN)) =>
        {
            carry(conversation, observation, spoken, judgement);
        }
        _ => {}
    }
    if !side.is_first_speaker && vector != Vector::RstFlood && vector != Vector::SynAckFlood {
        judgement.take_back_of_sender = settle(conversation, &[Vector::SynFlood]);
    }
    if side.is_first_speaker && vector != Vector::SynAckFlood && vector != Vector::RstFlood {
        // Seen from one side only: a server that goes on after its SYN-ACK was asked.
        judgement.take_back_of_receiver =
            judgement.take_back_of_receiver.or(settle_only(conversation, Vector::SynAckFlood));
    }
    judgement.is_unwanted =
        !spoken && conversation.state & (state::SYN | state::ESTABLISHED) == 0 && !judgement.completes;
    owe(conversation, vector, observation.packets, judgement.is_unwanted);
}

/// The initiator goes on after its SYN: the handshake is complete, and it may carry something.
fn carry(
    conversation: &mut Conversation,
    observation: &Observation,
    spoken: bool,
    judgement: &mut Judgement,
) {
    let opened = conversation.state & state::SYN != 0;
    let whole_flow = observation.is_flow() && observation.tcp_flags.has(TcpFlags::SYN | TcpFlags::ACK);
    if (opened && conversation.state & state::ESTABLISHED == 0) || (whole_flow && !opened) {
        // Where the answer is visible it must have been there: an attacker can forge an ACK after a SYN.
        if spoken && conversation.state & state::SYN_ACK == 0 && !whole_flow {
            return;
        }
        conversation.state |= state::SYN | state::ESTABLISHED;
        judgement.completes = true;
        judgement.take_back_of_receiver = settle_only(conversation, Vector::SynFlood);
        if !whole_flow {
            judgement.also = Some(Vector::ConnectionFlood);
            owe(conversation, Vector::ConnectionFlood, 1, true);
        } else if is_empty_connection(observation) {
            judgement.also = Some(Vector::ConnectionFlood);
        }
    }
    if conversation.state & state::ESTABLISHED != 0 && observation.carries_payload {
        carry_payload(conversation, observation.opening, judgement);
    }
}

/// Whether a flow record is of a connection over which its initiator sent nothing: few packets, all of them
/// without room for payload.
fn is_empty_connection(observation: &Observation) -> bool {
    const PACKETS_MAXIMUM: u64 = 6;
    const HEADERS_BYTES: u64 = 80;
    observation.flow_packets <= PACKETS_MAXIMUM
        && !observation.tcp_flags.has(TcpFlags::PSH)
        && observation.bytes <= HEADERS_BYTES.saturating_mul(observation.packets)
}

/// Payload of the initiator: what an opened connection, then a begun TLS handshake, is good for.
fn carry_payload(conversation: &mut Conversation, opening: Opening, judgement: &mut Judgement) {
    let carried = conversation.count_carried();
    if conversation.state & state::CARRIED == 0 {
        conversation.state |= state::CARRIED;
        let settled = settle_only(conversation, Vector::ConnectionFlood);
        if judgement.also == Some(Vector::ConnectionFlood) {
            judgement.also = None;
        } else if settled.is_some() {
            judgement.take_back_of_receiver = settled;
        }
        if opening == Opening::ClientHello {
            conversation.state |= state::HELLO;
            judgement.also = Some(Vector::TlsHandshakeFlood);
            owe(conversation, Vector::TlsHandshakeFlood, 1, true);
        }
    } else if conversation.state & state::HELLO != 0
        && (carried >= HANDSHAKE_PACKETS || opening == Opening::ApplicationData)
    {
        judgement.take_back_of_receiver =
            settle_only(conversation, Vector::TlsHandshakeFlood).or(judgement.take_back_of_receiver);
    }
}

fn judge_other(
    conversation: &mut Conversation,
    side: Side,
    observation: &Observation,
    vector: Vector,
    judgement: &mut Judgement,
) {
    let spoken = conversation.state & side.other_sent != 0;
    let asked = spoken && !side.is_first_speaker;
    if vector.is_reflection() && !vector.is_between_peers() {
        // That the victim answers such a packet does not make it wanted; that it asked does.
        judgement.is_unwanted = !asked;
        if observation.is_flow() {
            owe(conversation, vector, observation.packets, judgement.is_unwanted);
        }
    } else {
        judgement.is_unwanted = !spoken;
        if conversation.outstanding() >= STREAM_PACKETS
            && !observation.is_flow()
            && vector == Vector::UdpFlood
        {
            judgement.weight = STREAM_WEIGHT;
        }
        owe(conversation, vector, observation.packets, judgement.is_unwanted);
    }
    if !side.is_first_speaker {
        judgement.take_back_of_sender = settle(conversation, &[]);
    }
}

/// Whether this is an ICMP error, which quotes the packet that it is about.
#[inline]
pub(crate) fn is_icmp_error(observation: &Observation) -> bool {
    match observation.protocol {
        protocol::ICMP => matches!(observation.icmp_type, 3 | 4 | 5 | 11 | 12),
        protocol::ICMPV6 => observation.icmp_type < 128,
        _ => false,
    }
}

/// ICMP: an error is wanted when the packet that it quotes was truly sent, an echo reply when somebody asked.
/// The key is that of the quoted packet if the packet `quotes` one.
fn judge_icmp(
    conversations: &mut Conversations,
    observation: &Observation,
    (key, quotes): (Key, bool),
    step: u32,
) -> Judgement {
    const ECHO_REPLIES: [(u8, u8); 2] = [(protocol::ICMP, 0), (protocol::ICMPV6, 129)];
    if is_icmp_error(observation) {
        let was_sent = quotes && {
            let (conversation, side, place) = conversations.note(key, step, true);
            conversations.put(place, conversation);
            conversation.state & side.sent != 0
        };
        // An error is no answer, but whoever is seen to send one is seen to send.
        return Judgement { is_unwanted: !was_sent, sender_speaks_up: true, ..Judgement::default() };
    }
    let (mut kept, side, place) = conversations.note(key, step, false);
    let conversation = &mut kept;
    let is_reply = ECHO_REPLIES.contains(&(observation.protocol, observation.icmp_type));
    let asked = conversation.state & side.other_sent != 0;
    // Of flow records the one of the replies may come first.
    owe(conversation, Vector::IcmpFlood, observation.packets, is_reply && !asked);
    let settled = if is_reply { None } else { settle_only(conversation, Vector::IcmpFlood) };
    conversations.put(place, kept);
    let conversation = kept;
    Judgement {
        take_back_of_sender: settled,
        is_unwanted: !(is_reply && asked),
        receiver_sends: conversation.state & side.other_sent != 0,
        sender_speaks_up: side.is_new || is_reply,
        is_new: side.is_new,
        ..Judgement::default()
    }
}

/// Notes packets as counted against a conversation.
#[inline]
fn owe(conversation: &mut Conversation, vector: Vector, packets: u64, is_unwanted: bool) {
    if is_unwanted {
        conversation.owe(vector as u8, packets);
    }
}

/// Takes back what is owed, unless it is owed for one of `except`.
#[inline]
fn settle(conversation: &mut Conversation, except: &[Vector]) -> Option<(Vector, f32)> {
    let vector = Vector::ALL[usize::from(conversation.vector)];
    if except.contains(&vector) || matches!(vector, Vector::ConnectionFlood | Vector::TlsHandshakeFlood) {
        return None;
    }
    settle_only(conversation, vector)
}

/// Takes back what is owed for one vector.
#[inline]
fn settle_only(conversation: &mut Conversation, vector: Vector) -> Option<(Vector, f32)> {
    if conversation.vector != vector as u8 || conversation.outstanding() == 0 {
        return None;
    }
    Some((vector, conversation.settle() as f32))
}

/// Whether an address names a group of hosts, so that a stream to it is no flood of anybody.
///
/// Of IPv4 multicast that is what is in use: the local block, source-specific, GLOP and administratively
/// scoped addresses (RFC 5771). The rest is watched like any address, since anonymised captures put hosts
/// there.
#[inline]
pub(crate) fn is_group(address: Address) -> bool {
    let bits = address.bits();
    if address.is_ipv4() {
        let v4 = bits as u32;
        // Nearly all: first bytes from 1 to 223.
        if (v4 >> 24).wrapping_sub(1) < 223 {
            return false;
        }
        matches!(v4 >> 24, 232 | 233 | 239) || v4 >> 16 == 0xe000 || v4 == u32::MAX || v4 == 0
    } else {
        bits >> 120 == 0xff || bits == 0
    }
}

#[cfg(test)]
mod tests;
