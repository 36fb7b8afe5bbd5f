//! Tar archives. What is read and written again must be read the same.
#![no_main]

use bareboat_formats::tar::{Limits, Member, MemberKind, read};
use bareboat_fuzz::with_right_sums;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { members: 1000, unpacked: 16 << 20 };

fuzz_target!(|bytes: &[u8]| {
    let bytes = &*with_right_sums(bytes);
    let mut members: Vec<Member> = Vec::new();
    let result = read(bytes, &LIMITS, |member, content| {
        let copied = std::io::copy(content, &mut std::io::sink())?;
        let size = if let MemberKind::File { size } = member.kind { size } else { 0 };
        assert_eq!(copied, size, "{}", member.path);
        assert!(member.path.components().all(|name| name != b".."));
        members.push(member);
        Ok(())
    });
    if result.is_err() {
        return;
    }
    // Content that nobody reads is skipped: the members are the same.
    let mut skipped = Vec::new();
    read(bytes, &LIMITS, |member, _| {
        skipped.push(member);
        Ok(())
    })
    .expect("an archive that was read once is read again");
    assert_eq!(members, skipped);
});
