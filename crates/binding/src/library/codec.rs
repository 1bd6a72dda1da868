//! Frames and entries for JavaScript: written into its buffers, and found in them by where they begin and end.

use napi::sys;
use rafterdb_codec::{Entry, Frame, Malformed, Unencodable};

use crate::direct::{Answer, Call, Misuse, View};

impl From<Malformed> for Misuse {
    fn from(malformed: Malformed) -> Self {
        Self::Failed("PROTOCOL_ERROR", malformed.to_string())
    }
}

impl From<Unencodable> for Misuse {
    fn from(error: Unencodable) -> Self {
        Self::Range(error.to_string())
    }
}

/// The part of a view from offset `at` on, which is argument number `place`.
///
/// # Safety
/// As for [`View::slice_mut`]: the view lies apart from whatever is read meanwhile.
pub unsafe fn from_offset<'call>(call: &Call, view: View<'call>, place: usize) -> Result<&'call mut [u8], Misuse> {
    // SAFETY: as the caller promises.
    let bytes = unsafe { view.slice_mut::<u8>() };
    let at = call.size(place, "at", bytes.len())?;
    Ok(&mut bytes[at..])
}

fn input_below_4_gib(call: &Call) -> Result<&[u8], Misuse> {
    let view = call.byte_view(0, "input")?;
    // SAFETY: a view of this call that is read only.
    let input = unsafe { view.slice::<u8>() };
    if u32::try_from(input.len()).is_err() {
        return Err(Misuse::Range("input has 4 GiB or more; pass a part of it".to_owned()));
    }
    Ok(input)
}

fn offset(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A body in one piece or in several.
fn body(call: &Call) -> Result<Vec<View<'_>>, Misuse> {
    // Before any other argument is looked at: an array may run JavaScript as its elements are taken.
    if let Some(views) = call.views(0, "body")? {
        return Ok(views);
    }
    let one = call.view(0, "body")?;
    one.map(|view| vec![view])
        .ok_or_else(|| call.must_be(0, "body", "a Buffer, typed array or DataView, or an array of these"))
}

/// `frameHeader(body)`
pub fn frame_header(call: &Call) -> Answer {
    let views = body(call)?;
    // SAFETY: views of this call that are read only.
    let pieces: Vec<&[u8]> = views.iter().map(|view| unsafe { view.slice() }).collect();
    call.buffer_value(Frame::new(&pieces[..])?.header())
}

/// `frameEncode(body, out, at)`
pub fn frame_encode(call: &Call) -> Answer {
    let views = body(call)?;
    let out = call.byte_view(1, "out")?;
    call.distinct(out, &views)?;
    // SAFETY: views of this call, apart from `out`.
    let pieces: Vec<&[u8]> = views.iter().map(|view| unsafe { view.slice() }).collect();
    // SAFETY: likewise.
    let out = unsafe { from_offset(call, out, 2)? };
    let written = Frame::new(&pieces[..])?.encode_to(out)?;
    Ok(call.u32_value(offset(written)))
}

/// `frameMissing(input, bodyBytesMax)`
pub fn frame_missing(call: &Call) -> Answer {
    let input = input_below_4_gib(call)?;
    let bytes_max = call.size(1, "bodyBytesMax", u32::MAX as usize)?;
    Ok(call.u32_value(offset(Frame::missing(input, bytes_max)?)))
}

/// Where frames or entries are noted: `N` numbers each, then where the rest begins.
struct Found<'call, const N: usize> {
    places: &'call mut [u32],
    count: usize,
}

impl<'call, const N: usize> Found<'call, N> {
    /// Places in `out`, which is argument `at` and lies apart from the input that is argument 0.
    fn new(call: &'call Call, at: usize) -> Result<Self, Misuse> {
        let input = call.byte_view(0, "input")?;
        let out = call.u32_view(at, "out")?;
        call.distinct(out, &[input])?;
        // SAFETY: a view of this call, apart from what is read.
        let places = unsafe { out.slice_mut::<u32>() };
        if places.len() <= N {
            return Err(Misuse::Range(format!(
                "out has {} elements; {} are needed at least",
                places.len(),
                N + 1
            )));
        }
        Ok(Self { places, count: 0 })
    }

    const fn has_room(&self) -> bool {
        self.places.len() > (self.count + 1) * N
    }

    fn note(&mut self, numbers: [u32; N]) {
        self.places[self.count * N..(self.count + 1) * N].copy_from_slice(&numbers);
        self.count += 1;
    }

    fn finish(self, call: &Call, rest: usize) -> sys::napi_value {
        self.places[self.count * N] = offset(rest);
        call.u32_value(offset(self.count))
    }
}

/// `framesDecode(input, at, bodyBytesMax, out)`
pub fn frames_decode(call: &Call) -> Answer {
    let input = input_below_4_gib(call)?;
    let mut at = call.size(1, "at", input.len())?;
    let bytes_max = call.size(2, "bodyBytesMax", u32::MAX as usize)?;
    let mut found = Found::<2>::new(call, 3)?;
    while found.has_room() {
        let Some((body, consumed)) = Frame::decode_from(&input[at..], bytes_max)? else {
            break;
        };
        at += consumed;
        found.note([offset(at - body.len()), offset(at)]);
    }
    Ok(found.finish(call, at))
}

/// `entryEncode(kind, body, out, at)`
pub fn entry_encode(call: &Call) -> Answer {
    let kind = u8::try_from(call.integer(0, "kind", 0, 255)?).unwrap_or(u8::MAX);
    let body = call
        .view(1, "body")?
        .ok_or_else(|| call.must_be(1, "body", "a Buffer, typed array or DataView"))?;
    let out = call.byte_view(2, "out")?;
    call.distinct(out, &[body])?;
    // SAFETY: two views of this call, apart from each other.
    let (body, out) = unsafe { (body.slice(), from_offset(call, out, 3)?) };
    let written = Entry::new(kind, body).encode_to(out)?;
    Ok(call.u32_value(offset(written)))
}

/// `entriesDecode(input, at, out)`
pub fn entries_decode(call: &Call) -> Answer {
    let input = input_below_4_gib(call)?;
    let mut at = call.size(1, "at", input.len())?;
    let mut found = Found::<3>::new(call, 2)?;
    while found.has_room() && at < input.len() {
        let (entry, consumed) = Entry::decode_from(&input[at..])?;
        at += consumed;
        found.note([u32::from(entry.kind), offset(at - entry.body.len()), offset(at)]);
    }
    Ok(found.finish(call, at))
}
