//! Records alone.

use proptest::prelude::*;

use super::super::record::{HEAD, LONGEST, MOST, Opened, RecordError, Records, Rekey, TAG};
use super::OFTEN;

fn seal(records: &mut Records, plain: &[u8]) -> Vec<u8> {
    let mut out = vec![0; HEAD + plain.len() + TAG];
    let length = records.seal(plain, &mut out).unwrap();
    assert_eq!(length, out.len());
    out
}

fn end(records: &mut Records) -> Vec<u8> {
    let mut out = vec![0; HEAD + TAG];
    assert_eq!(records.seal_end(&mut out), Ok(HEAD + TAG));
    out
}

fn open(records: &mut Records, record: &[u8]) -> Result<Option<Vec<u8>>, RecordError> {
    let mut plain = vec![0; LONGEST];
    Ok(match records.open(record, &mut plain)? {
        Opened::Data(length) => Some(plain[..length].to_vec()),
        Opened::End => None,
    })
}

#[test]
fn records_go_both_ways_and_end_each_way_alone() {
    let (mut ours, mut theirs) = Records::pair(0, Rekey::default());
    let hello = seal(&mut ours, b"hello");
    assert_eq!(theirs.whole(&hello), Ok(Some(hello.len())));
    assert_eq!(open(&mut theirs, &hello), Ok(Some(b"hello".to_vec())));
    let last = end(&mut ours);
    assert_eq!(open(&mut theirs, &last), Ok(None));
    assert_eq!(theirs.over(), Some(RecordError::Ended));
    assert_eq!(ours.seal(b"more", &mut [0; 64]), Err(RecordError::Ended));
    let answer = seal(&mut theirs, b"hi");
    assert_eq!(open(&mut ours, &answer), Ok(Some(b"hi".to_vec())));
    assert_eq!(open(&mut theirs, &hello), Err(RecordError::Ended));
}

#[test]
fn sizes_are_checked_before_anything_is_used_up() {
    let (mut ours, mut theirs) = Records::pair(1, Rekey::default());
    assert_eq!(ours.seal(&vec![0; MOST + 1], &mut vec![0; LONGEST + 1]), Err(RecordError::TooLong));
    assert_eq!(ours.seal(b"abc", &mut [0; HEAD + TAG + 2]), Err(RecordError::TooLong));
    let record = seal(&mut ours, &vec![7; MOST]);
    assert_eq!(record.len(), LONGEST);
    assert_eq!(open(&mut theirs, &record), Ok(Some(vec![7; MOST])));
    for short in 0..16u16 {
        let (_, mut theirs) = Records::pair(1, Rekey::default());
        let mut record = short.to_be_bytes().to_vec();
        record.resize(40, 0);
        assert_eq!(theirs.whole(&record), Err(RecordError::TooShort));
        assert_eq!(theirs.over(), Some(RecordError::TooShort));
        assert_eq!(open(&mut theirs, &record), Err(RecordError::TooShort));
    }
}

#[test]
fn keys_change_at_the_same_record_on_both_sides() {
    let (mut ours, mut theirs) = Records::pair(2, OFTEN);
    // One that changes at another place cannot follow.
    let (_, mut other) = Records::pair(2, Rekey { records: 4, ..OFTEN });
    let mut lost = false;
    for (number, size) in [1, 2, 3, 999, 1000, 1001, 4000, 1].into_iter().cycle().take(100).enumerate() {
        let plain = vec![u8::try_from(number).unwrap(); size];
        let record = seal(&mut ours, &plain);
        assert_eq!(open(&mut theirs, &record), Ok(Some(plain.clone())), "{number}");
        lost |= open(&mut other, &record).is_err();
        let answer = seal(&mut theirs, &plain);
        assert_eq!(open(&mut ours, &answer), Ok(Some(plain)), "{number}");
    }
    assert!(lost);
}

#[test]
fn the_same_bytes_are_never_sealed_twice_the_same() {
    let (mut ours, _) = Records::pair(3, OFTEN);
    let sealed: std::collections::HashSet<_> = (0..1000).map(|_| seal(&mut ours, b"the same")).collect();
    assert_eq!(sealed.len(), 1000);
}

#[test]
fn a_stream_without_numbers_is_over() {
    let (mut ours, mut theirs) = Records::pair(4, Rekey::default());
    ours.skip_to(u64::MAX - 2, u64::MAX - 2);
    theirs.skip_to(u64::MAX - 2, u64::MAX - 2);
    for _ in 0..2 {
        let record = seal(&mut ours, b"almost");
        assert_eq!(open(&mut theirs, &record), Ok(Some(b"almost".to_vec())));
    }
    assert_eq!(ours.seal(b"no more", &mut [0; 64]), Err(RecordError::Exhausted));
    assert_eq!(ours.seal_end(&mut [0; 64]), Err(RecordError::Exhausted));
    assert_eq!(open(&mut theirs, &[0; 40]), Err(RecordError::Exhausted));
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut ours = Records::pair(5, OFTEN).0;
    let records: Vec<_> = [1, 17, 40].into_iter().map(|size| seal(&mut ours, &vec![9; size])).collect();
    let last = end(&mut ours);
    let stream = [records.concat(), last].concat();
    for bit in 0..stream.len() * 8 {
        let mut flipped = stream.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut theirs = Records::pair(5, OFTEN).1;
        let mut rest = &flipped[..];
        let mut read = Vec::new();
        let ended = loop {
            match theirs.whole(rest) {
                Ok(Some(length)) => match open(&mut theirs, &rest[..length]) {
                    Ok(Some(plain)) => {
                        read.push(plain.len());
                        rest = &rest[length..];
                    }
                    Ok(None) => break true,
                    Err(_) => break false,
                },
                // A length that became larger waits for bytes that are never sent.
                Ok(None) | Err(_) => break false,
            }
        };
        assert!(!ended && [1, 17, 40].starts_with(&read), "bit {bit}: {read:?}");
        let untouched = records.iter().scan(0, |end, record| {
            *end += record.len();
            Some(*end * 8)
        });
        assert_eq!(read.len(), untouched.filter(|end| *end <= bit).count(), "bit {bit}");
    }
}

#[test]
fn what_is_repeated_left_out_or_moved_is_refused() {
    let (mut ours, _) = Records::pair(6, OFTEN);
    let records: Vec<_> = (0..8).map(|number| seal(&mut ours, &[number; 30])).collect();
    for (order, good) in [
        (&[0, 0][..], 1),
        (&[1], 0),
        (&[0, 2], 1),
        (&[0, 1, 2, 1], 3),
        // Over the border of a key.
        (&[0, 1, 2, 3, 0], 4),
        (&[0, 1, 3], 2),
        (&[0, 1, 2, 3, 4, 5, 3], 6),
    ] {
        let (_, mut theirs) = Records::pair(6, OFTEN);
        for (place, number) in order.iter().enumerate() {
            let opened = open(&mut theirs, &records[*number]);
            assert_eq!(opened.is_ok(), place < good, "{order:?}");
        }
        // After a bad one not even the right one is opened.
        assert_eq!(open(&mut theirs, &records[good]), Err(RecordError::Damaged), "{order:?}");
    }
    // Nor is what the other side sent itself.
    let (mut ours, mut theirs) = Records::pair(6, OFTEN);
    let own = seal(&mut theirs, b"mine");
    assert_eq!(open(&mut theirs, &own), Err(RecordError::Damaged));
    let other = seal(&mut Records::pair(7, OFTEN).0, b"another stream's");
    assert_eq!(open(&mut ours, &other), Err(RecordError::Damaged));
}

proptest! {
    #[test]
    fn whatever_is_sealed_is_opened(
        plains in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3000), 0..20),
        seed: u8,
        records in 1..6u64,
        bytes in 1..5000u64,
    ) {
        let (mut ours, mut theirs) = Records::pair(seed, Rekey { records, bytes });
        let mut stream: Vec<u8> = plains.iter().flat_map(|plain| seal(&mut ours, plain)).collect();
        stream.extend(end(&mut ours));
        let mut rest = &stream[..];
        for plain in plains {
            let length = theirs.whole(rest).unwrap().unwrap();
            prop_assert_eq!(theirs.whole(&rest[..length - 1]), Ok(None));
            prop_assert_eq!(open(&mut theirs, &rest[..length]), Ok(Some(plain)));
            rest = &rest[length..];
        }
        prop_assert_eq!(open(&mut theirs, rest), Ok(None));
    }

    #[test]
    fn no_bytes_are_a_record(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_, mut theirs) = Records::pair(0, OFTEN);
        if let Ok(Some(length)) = theirs.whole(&bytes) {
            prop_assert_eq!(open(&mut theirs, &bytes[..length]), Err(RecordError::Damaged));
        }
        prop_assert!(open(&mut theirs, &bytes).is_err());
    }
}
