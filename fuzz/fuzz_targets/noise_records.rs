//! Records of Noise: what was sealed is opened again however it arrives, and nothing else is.
#![no_main]

use jidda_runtime::transport::noise::record::{
    HEAD, LONGEST, MOST, Opened, RecordError, Records, Rekey, TAG,
};
use libfuzzer_sys::fuzz_target;

/// Opens all whole records of `stream`: what was in them, and whether their end was among them.
fn open(records: &mut Records, mut stream: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut plain = vec![0; LONGEST];
    let mut opened = Vec::new();
    while let Ok(Some(length)) = records.whole(stream) {
        assert!((HEAD + TAG..=stream.len()).contains(&length));
        match records.open(&stream[..length], &mut plain) {
            Ok(Opened::Data(count)) => {
                assert_eq!(count, length - HEAD - TAG);
                opened.push(plain[..count].to_vec());
            }
            Ok(Opened::End) => {
                assert_eq!(records.over(), Some(RecordError::Ended));
                return (opened, true);
            }
            Err(error) => {
                assert_eq!(records.over(), Some(error));
                assert_eq!(records.open(&stream[..length], &mut plain), Err(error));
                return (opened, false);
            }
        }
        stream = &stream[length..];
    }
    (opened, false)
}

fuzz_target!(|input: (Vec<Vec<u8>>, u8, u8, u16, u32, u8, &[u8])| {
    let (mut plains, seed, records, bytes, place, flip, hostile) = input;
    // An empty record is the end, and a larger one is none.
    plains.retain(|plain| (1..=MOST).contains(&plain.len()));
    let rekey = Rekey { records: u64::from(records).max(1), bytes: u64::from(bytes).max(1) };
    let (mut ours, mut theirs) = Records::pair(seed, rekey);
    let mut stream = Vec::new();
    let mut ends = Vec::new();
    for plain in &plains {
        let mut out = vec![0; HEAD + plain.len() + TAG];
        let length = ours.seal(plain, &mut out).unwrap();
        stream.extend_from_slice(&out[..length]);
        ends.push(stream.len());
    }
    let mut last = [0; HEAD + TAG];
    let length = ours.seal_end(&mut last).unwrap();
    stream.extend_from_slice(&last[..length]);
    assert_eq!(open(&mut theirs, &stream), (plains.clone(), true));

    // Cut off, or changed, anywhere: what came before is opened, and nothing after, and it is not the end.
    let place = place as usize % stream.len();
    let before = ends.iter().filter(|end| **end <= place).count();
    let (_, mut theirs) = Records::pair(seed, rekey);
    assert_eq!(open(&mut theirs, &stream[..place]), (plains[..before].to_vec(), false));
    if flip != 0 {
        stream[place] ^= flip;
        let (_, mut theirs) = Records::pair(seed, rekey);
        assert_eq!(open(&mut theirs, &stream), (plains[..before].to_vec(), false));
    }

    let (_, mut theirs) = Records::pair(seed, rekey);
    assert_eq!(open(&mut theirs, hostile), (Vec::new(), false));
});
