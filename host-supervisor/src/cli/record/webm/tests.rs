use super::*;

/// The beginning of a key frame of 1280 by 800, and something that is none.
const KEY: [u8; 12] = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0, 5, 0x20, 3, 7, 7];
const INTER: [u8; 5] = [0x11, 0, 0, 1, 2];
/// Elements that have others in them.
const PARENTS: [u32; 11] = [
    id::EBML,
    id::SEGMENT,
    id::SEEK_HEAD,
    id::SEEK,
    id::INFO,
    id::TRACKS,
    id::TRACK_ENTRY,
    id::VIDEO,
    id::CLUSTER,
    id::CUES,
    id::CUE_POINT,
];

/// Reads a file as a player does: every element with its place and its payload, in order.
fn elements(file: &[u8]) -> Vec<(u32, usize, Vec<u8>)> {
    let mut found = Vec::new();
    walk(file, 0, file.len(), &mut found);
    found
}

fn walk(file: &[u8], mut at: usize, end: usize, found: &mut Vec<(u32, usize, Vec<u8>)>) {
    while at < end {
        let id_length = usize::try_from(file[at].leading_zeros()).unwrap() + 1;
        let begin = at;
        let id = file[at..at + id_length].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        at += id_length;
        let size_length = usize::try_from(file[at].leading_zeros()).unwrap() + 1;
        let mask = u8::try_from(0xff_u16 >> size_length).unwrap();
        let size = file[at + 1..at + size_length]
            .iter()
            .fold(u64::from(file[at] & mask), |size, byte| size << 8 | u64::from(*byte));
        at += size_length;
        let unknown = size == (1 << (7 * size_length)) - 1;
        let inner_end = if unknown { end } else { at + usize::try_from(size).unwrap() };
        assert!(inner_end <= end, "{id:x} at {begin} leaves what it is in");
        if PARENTS.contains(&id) || id == id::CUE_TRACK_POSITIONS {
            found.push((id, begin, Vec::new()));
            walk(file, at, inner_end, found);
        } else {
            found.push((id, begin, file[at..inner_end].to_vec()));
        }
        at = inner_end;
    }
}

fn number_of(elements: &[(u32, usize, Vec<u8>)], id: u32) -> Vec<u64> {
    let big_endian = |payload: &[u8]| payload.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    elements.iter().filter(|element| element.0 == id).map(|element| big_endian(&element.2)).collect()
}

fn film() -> Film<Vec<u8>> {
    let mut film = Film::new(Vec::new());
    for (key, at_us, picture) in [
        (false, 0, &INTER[..]),
        (true, 1_000_000, &KEY),
        (false, 1_040_999, &INTER),
        (false, 3_500_000, &INTER),
        (false, 3_400_000, &INTER),
        (true, 11_000_000, &KEY),
    ] {
        film.add(key, at_us, picture).unwrap();
    }
    film
}

#[test]
fn a_finished_film_has_its_size_its_length_and_places_to_jump_to() {
    let (mut file, corrections) = film().finish(66).unwrap();
    for Correction { at, bytes } in corrections {
        let at = usize::try_from(at).unwrap();
        file[at..at + bytes.len()].copy_from_slice(&bytes);
    }
    let elements = elements(&file);
    let number = |id| number_of(&elements, id);
    assert_eq!((number(id::PIXEL_WIDTH), number(id::PIXEL_HEIGHT)), (vec![1280], vec![800]));
    assert_eq!(number(id::DURATION), [f64::to_bits(11_066.0)]);
    assert_eq!(number(id::TIMESTAMP), [1000, 3500, 11_000]);
    let blocks: Vec<&[u8]> = elements
        .iter()
        .filter(|(id, ..)| *id == id::SIMPLE_BLOCK)
        .map(|(.., payload)| &payload[..4])
        .collect();
    // Track, time since the cluster's, flags.
    let expected: [[u8; 4]; 5] =
        [[0x81, 0, 0, 0x80], [0x81, 0, 40, 0], [0x81, 0, 0, 0], [0x81, 0, 0, 0], [0x81, 0, 0, 0x80]];
    assert_eq!(blocks, expected);

    // Positions count from the segment's first child.
    let segment = elements.iter().position(|(id, ..)| *id == id::SEGMENT).unwrap();
    let base = elements[segment + 1].1;
    let place = |position: u64| {
        let at = base + usize::try_from(position).unwrap();
        elements.iter().find(|element| element.1 == at).map(|element| element.0)
    };
    assert_eq!(number(id::CUE_TIME), [1000, 11_000]);
    for position in number(id::CUE_CLUSTER_POSITION) {
        assert_eq!(place(position), Some(id::CLUSTER));
    }
    assert_eq!(number(id::SEEK_POSITION).iter().map(|at| place(*at)).collect::<Vec<_>>(), [Some(id::CUES)]);
    let children_end = elements.last().map(|(.., payload)| payload.len()).unwrap();
    assert!(children_end > 0 && number(id::SEEK_ID) == [u64::from(id::CUES)]);
}

#[test]
fn a_film_that_is_broken_off_is_whole_as_far_as_it_goes() {
    let mut film = film();
    film.end_cluster().unwrap();
    let elements = elements(&film.out);
    assert_eq!(number_of(&elements, id::TIMESTAMP), [1000, 3500, 11_000]);
    assert!(number_of(&elements, id::DURATION).is_empty(), "nobody knows it");
}

#[test]
fn what_is_no_picture_is_refused_and_a_film_of_none_is_empty() {
    let mut film = Film::new(Vec::new());
    assert!(matches!(film.add(true, 0, &INTER), Err(FilmError::Picture)));
    assert!(matches!(film.add(true, 0, b""), Err(FilmError::Picture)));
    assert!(!film.has_begun());
    let (file, corrections) = film.finish(1).unwrap();
    assert!(file.is_empty() && corrections.is_empty());
}

#[test]
fn a_guest_whose_clock_jumps_makes_a_film_all_the_same() {
    let mut film = Film::new(Vec::new());
    film.add(true, 0, &KEY).unwrap();
    film.add(false, u64::MAX, &INTER).unwrap();
    film.add(false, 0, &INTER).unwrap();
    let (file, _) = film.finish(1).unwrap();
    assert_eq!(number_of(&elements(&file), id::TIMESTAMP), [0, u64::MAX / 1000]);
}
