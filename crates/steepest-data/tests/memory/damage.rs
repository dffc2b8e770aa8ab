//! No damaged file panics or takes much memory.

use super::*;

/// A stream of numbers that is the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// How many cases; STEEPEST_DAMAGE is how many times as many.
const FLIPS: usize = 1_000;
const CUTS: usize = 200;
const BOUND: usize = 64 * MIB;

#[test]
fn flipped_bits_and_cut_files() {
    let _alone = alone();
    let folder = Folder::new();
    let table = "name,x,day\nA,1.5,2026-01-01\nB,2.5,2026-01-02\nC,,2026-01-03\n".repeat(20);
    let files: [(&str, Vec<u8>); 8] = [
        ("pandas", include_bytes!("../tables/pandas.parquet").to_vec()),
        ("parquet", include_bytes!("../tables/table.parquet").to_vec()),
        ("arrow", include_bytes!("../tables/table.arrow").to_vec()),
        ("stream", include_bytes!("../tables/table.arrows").to_vec()),
        ("lz4", include_bytes!("../tables/lz4.feather").to_vec()),
        ("zstd", include_bytes!("../tables/zstd.feather").to_vec()),
        ("idx", idx(&[20, 4, 4], &[0; 320])),
        ("gzip", gzip(table.as_bytes(), Compression::fast())),
    ];
    let mut chance = Chance(1);
    let times: usize = std::env::var("STEEPEST_DAMAGE").map_or(1, |times| times.parse().unwrap());
    let (flips, cuts) = (FLIPS * times, CUTS * times);
    for case in 0..flips + cuts {
        let (name, whole) = &files[case % files.len()];
        let mut bytes = whole.clone();
        if case < flips {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
        } else {
            bytes.truncate(chance.below(whole.len()));
        }
        let path = folder.file(name, &bytes);
        let (outcome, peak) = peak(|| read(&path, &bounded(BOUND)));
        assert!(peak <= BOUND, "{name}, case {case}: {} KiB, {:?}", peak >> 10, outcome.map(drop));
    }
}

/// Every bit of a page with a checksum counts.
#[test]
fn checksums_of_parquet_are_verified() {
    let _alone = alone();
    let folder = Folder::new();
    let whole = include_bytes!("../tables/checksums.parquet");
    assert!(read(&folder.file("whole", whole), &ReadOptions::default()).is_ok());
    // 20.5 and 21, side by side in the first page
    let pair = [20.5f64.to_le_bytes(), 21f64.to_le_bytes()].concat();
    let at = whole.windows(16).position(|bytes| bytes == pair).unwrap();
    for bit in 0..128 {
        let mut bytes = whole.to_vec();
        bytes[at + bit / 8] ^= 1 << (bit % 8);
        let outcome = read(&folder.file("flipped", &bytes), &ReadOptions::default()).map(drop);
        let Err(Error::Damaged { reason, .. }) = outcome else { panic!("{bit}: {outcome:?}") };
        assert!(reason.contains("CRC"), "{reason}");
    }
}
