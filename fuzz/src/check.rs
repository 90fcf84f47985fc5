// How each crate tests its targets: on the inputs that are kept, and on those damaged in many ways, always the same ones.

/// A generator of numbers that is the same in each run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % end.max(1)
    }

    fn byte(&mut self) -> u8 {
        const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'/', b'"', b'.'];
        match self.below(3) {
            0 => TELLING[self.below(TELLING.len())],
            _ => self.next().to_le_bytes()[3],
        }
    }

    /// A part of something.
    fn part(&mut self, len: usize) -> std::ops::Range<usize> {
        let start = self.below(len + 1);
        start..start + self.below(len - start + 1).min(1 + self.below(64))
    }

    fn damaged(&mut self, kept: &[Vec<u8>]) -> Vec<u8> {
        let mut input = kept[self.below(kept.len())].clone();
        for _ in 0..=self.below(6) {
            let part = self.part(input.len());
            match self.below(6) {
                0 => input.truncate(part.start),
                1 => drop(input.drain(part)),
                2 => input
                    .splice(
                        part.start..part.start,
                        (0..=self.below(8)).map(|_| self.byte()),
                    )
                    .for_each(drop),
                3 => {
                    let other = &kept[self.below(kept.len())];
                    let other = other[self.part(other.len())].to_vec();
                    drop(input.splice(part, other));
                }
                _ if part.start < input.len() => input[part.start] = self.byte(),
                _ => input.push(self.byte()),
            }
        }
        input
    }
}

/// A target on its inputs, and on so many that are made of them.
pub(crate) fn check((name, run): super::Target, rounds: usize) {
    let folders = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let mut corpora = folders.map(|folder| folder.join("fuzz/corpus").join(name));
    let corpus = corpora.find(|corpus| corpus.is_dir());
    let corpus = corpus.unwrap_or_else(|| panic!("no input is kept for {name}"));
    let files = fs_err::read_dir(corpus).unwrap();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let kept: Vec<Vec<u8>> = files
        .iter()
        .map(|file| fs_err::read(file).unwrap())
        .collect();
    let try_out = |input: &[u8]| {
        if let Err(panic) = std::panic::catch_unwind(|| run(input)) {
            let file = std::env::temp_dir().join(format!("shoal-fuzz-{name}"));
            fs_err::write(&file, input).unwrap();
            println!("{name}: the input lies in {}", file.display());
            std::panic::resume_unwind(panic);
        }
    };
    for input in &kept {
        try_out(input);
    }
    let mut chance = Chance(0x5368_6f61_6c00);
    for _ in 0..rounds {
        try_out(&chance.damaged(&kept));
    }
}
