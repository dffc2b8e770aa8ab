//! Directories that others use, or have filled.

use super::*;

/// Of several that want one directory, one gets it, and the others say so before they write.
#[test]
fn one_of_many_gets_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    for race in 0..100 {
        let path = dir.path().join(format!("run{race}"));
        let out = Out::At(path.clone());
        let begin = || RunDir::create(Arc::new(Disk), &out, "");
        let outcomes: Vec<Result<RunDir>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(begin)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "race {race}: {outcomes:?}");
        assert!(
            outcomes
                .iter()
                .flat_map(|outcome| outcome.as_ref().err())
                .all(|error| matches!(error, Error::RunInUse { .. })),
            "{outcomes:?}"
        );
        // the lock of a process that is no more
        drop(outcomes);
        assert!(unlocked(begin).is_ok(), "race {race}");
    }
}

#[test]
fn what_is_foreign_is_not_overwritten_and_no_link_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let create = |path: &Path| RunDir::create(Arc::new(Disk), &Out::At(path.to_owned()), "");
    fs::create_dir(at("notes")).unwrap();
    fs::write(at("notes/a.txt"), "mine").unwrap();
    assert!(matches!(create(&at("notes")), Err(Error::RunExists { found: "is not empty", .. })));
    fs::create_dir(at("empty")).unwrap();
    assert!(create(&at("empty")).is_ok());
    // what another program is writing
    fs::create_dir(at("films")).unwrap();
    fs::write(at("films/film.mkv.part"), "mine").unwrap();
    assert!(create(&at("films")).is_err() && at("films/film.mkv.part").exists());
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        use std::os::unix::fs::symlink;
        symlink(at("empty"), at("link")).unwrap();
        assert!(matches!(create(&at("link")), Err(Error::RunExists { .. })));
        fs::create_dir(at("planted")).unwrap();
        symlink(at("notes/a.txt"), at("planted/lock")).unwrap();
        assert!(create(&at("planted")).is_err());
        let odd = dir.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
        assert!(matches!(create(&odd), Err(Error::NotUtf8Path { .. })));

        // a run from elsewhere, whose files lead out of it
        let run = at("run");
        let (trainer, origin) = small_run(&run);
        let snapshot = trainer.snapshot().unwrap();
        drop(trainer);
        fs::remove_file(run.join("metrics.jsonl")).unwrap();
        symlink(at("notes/a.txt"), run.join("metrics.jsonl")).unwrap();
        resume(&run, &Default::default()).unwrap().run(&mut silent).unwrap();
        fs::rename(run.join("checkpoints"), at("elsewhere")).unwrap();
        symlink(at("elsewhere"), run.join("checkpoints")).unwrap();
        assert!(checkpoint::write(&Disk, &run, &snapshot, &origin, 2).is_err());
    }
    assert_eq!(fs::read_to_string(at("notes/a.txt")).unwrap(), "mine");
}
