//! What is kept of compiled code, what is read back, and what goes first.

use super::*;

/// A process, as far as caches know.
fn process(folder: &tempfile::TempDir, max_bytes: u64) -> CodeCaches {
    CodeCaches::bounded(Some(folder.path().to_owned()), max_bytes)
}

/// The cache of a worker that is served.
fn of(caches: &CodeCaches, worker: &str) -> Arc<CodeCache> {
    let cache = checked(caches, worker);
    cache.use_to_serve();
    cache
}

/// The cache of one that is not.
fn checked(caches: &CodeCaches, worker: &str) -> Arc<CodeCache> {
    caches.of(&worker.into(), &"1".into())
}

/// Whether there is a file of a worker that was checked, and of one that was served.
fn files(cache: &CodeCache) -> [bool; 2] {
    let CacheFile { folder, name } = cache.file.as_ref().unwrap();
    [Rank::Checked, Rank::Served].map(|rank| folder.path_of(name, rank).exists())
}

fn kept(folder: &tempfile::TempDir) -> Arc<CodeCache> {
    of(&process(folder, MAX_BYTES), "w")
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let cache = kept(&folder);
    cache.put("worker:///a.js", b"code of a");
    cache.put("worker:///b.js", b"");
    cache.write().unwrap();
    let again = kept(&folder);
    assert!(again.is_unread());
    again.read();
    assert_eq!(again.get("worker:///a.js").as_deref(), Some(&b"code of a"[..]));
    assert_eq!(again.get("worker:///b.js").as_deref(), Some(&b""[..]));
}

#[test]
fn a_version_has_one_cache_in_memory_for_as_long_as_somebody_uses_it() {
    let caches = CodeCaches::new(None);
    let cache = of(&caches, "w");
    cache.put("worker:///a.js", b"code of a");
    assert!(Arc::ptr_eq(&cache, &of(&caches, "w")));
    assert!(!Arc::ptr_eq(&cache, &of(&caches, "other")));
    drop(cache);
    assert!(of(&caches, "w").get("worker:///a.js").is_none());
}

#[test]
fn the_largest_cache_is_forgotten_where_all_have_too_much() {
    let folder = tempfile::tempdir().unwrap();
    let caches = process(&folder, 1000);
    let (quiet, greedy) = (of(&caches, "quiet"), of(&caches, "greedy"));
    quiet.put("worker:///a.js", &[1; 300]);
    for url in ["worker:///a.js", "worker:///b.js", "worker:///b.js"] {
        greedy.put(url, &[2; 300]);
    }
    greedy.write().unwrap();
    let another = of(&caches, "another");
    another.put("worker:///a.js", &[3; 300]);
    assert!(quiet.get("worker:///a.js").is_some() && another.get("worker:///a.js").is_some());
    assert!(greedy.get("worker:///a.js").is_none() && greedy.is_unread());
    drop((quiet, another));
    greedy.read();
    assert_eq!(greedy.get("worker:///b.js").as_deref(), Some(&[2; 300][..]));
}

#[test]
fn what_is_forgotten_in_the_middle_stays_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let cache = kept(&folder);
    cache.put("worker:///a.js", b"code of a");
    cache.write().unwrap();
    cache.forget();
    cache.put("worker:///b.js", b"code of b");
    cache.write().unwrap();
    let again = kept(&folder);
    again.read();
    assert!(again.get("worker:///a.js").is_some() && again.get("worker:///b.js").is_some());
}

#[test]
fn a_damaged_file_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let cache = kept(&folder);
    cache.put("worker:///a.js", b"code of a");
    cache.write().unwrap();
    let CacheFile { folder: files, name } = cache.file.as_ref().unwrap();
    let file = files.path_of(name, Rank::Served);
    let whole = std::fs::read(&file).unwrap();
    for damaged in [&whole[..whole.len() - 1], &whole[1..], b""] {
        std::fs::write(&file, damaged).unwrap();
        let again = kept(&folder);
        again.read();
        assert_eq!(again.get("worker:///a.js"), None);
    }
}

#[test]
fn what_a_check_has_compiled_is_kept_as_such_until_it_is_used_to_serve() {
    let folder = tempfile::tempdir().unwrap();
    let cache = checked(&process(&folder, MAX_BYTES), "w");
    cache.put("worker:///a.js", b"code of a");
    cache.write().unwrap();
    assert_eq!((files(&cache), cache.is_unwritten()), ([true, false], false));
    // By the process that has checked it, which has all of it in memory.
    cache.use_to_serve();
    assert!(cache.is_unwritten());
    cache.write().unwrap();
    assert_eq!((files(&cache), cache.is_unwritten()), ([false, true], false));
    // It is checked again.
    let again = checked(&process(&folder, MAX_BYTES), "w");
    again.put("worker:///b.js", b"code of b");
    again.write().unwrap();
    assert_eq!(files(&again), [false, true]);
}

#[test]
fn what_an_earlier_process_has_checked_is_used_to_serve() {
    let folder = tempfile::tempdir().unwrap();
    let cache = checked(&process(&folder, MAX_BYTES), "w");
    cache.put("worker:///a.js", b"code of a");
    cache.write().unwrap();
    let later = kept(&folder);
    assert!(later.is_unread());
    later.read();
    assert_eq!(later.get("worker:///a.js").as_deref(), Some(&b"code of a"[..]));
    assert_eq!((files(&later), later.is_unwritten()), ([false, true], false));
}

#[test]
fn what_had_to_make_room_for_other_checks_is_written_again_when_it_is_used_to_serve() {
    let folder = tempfile::tempdir().unwrap();
    let cache = checked(&process(&folder, MAX_BYTES), "w");
    cache.put("worker:///a.js", b"code of a");
    cache.write().unwrap();
    let CacheFile { folder: kept_in, name } = cache.file.as_ref().unwrap();
    std::fs::remove_file(kept_in.path_of(name, Rank::Checked)).unwrap();
    cache.use_to_serve();
    cache.write().unwrap();
    assert_eq!((files(&cache), cache.is_unwritten()), ([false, true], false));
}

#[test]
fn what_is_about_to_be_written_is_forgotten_once_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let caches = process(&folder, 1000);
    let (fresh, other) = (of(&caches, "fresh"), of(&caches, "other"));
    // As at a start: it is announced before there is anything.
    let write = fresh.begin_write().unwrap();
    fresh.put("worker:///a.js", &[1; 700]);
    other.put("worker:///a.js", &[2; 500]);
    let are_there = || [&fresh, &other].map(|cache| cache.get("worker:///a.js").is_some());
    assert_eq!(are_there(), [true, true], "nobody's goes for the sake of what goes soon");
    write.into_work()().unwrap();
    assert_eq!(are_there(), [false, true]);
    assert!(fresh.is_unread());
    drop(other);
    fresh.read();
    assert_eq!(fresh.get("worker:///a.js").as_deref(), Some(&[1; 700][..]));
}

#[test]
fn what_is_not_written_goes_where_there_is_far_too_much_or_it_never_is() {
    let folder = tempfile::tempdir().unwrap();
    let caches = process(&folder, 1000);
    let (one, other) = (of(&caches, "one"), of(&caches, "other"));
    let writes = [&one, &other].map(|cache| cache.begin_write().unwrap());
    let are_there = || [&one, &other].map(|cache| cache.get("worker:///a.js").is_some());
    one.put("worker:///a.js", &[1; 900]);
    other.put("worker:///a.js", &[2; 700]);
    assert_eq!(are_there(), [false, true]);
    one.put("worker:///a.js", &[1; 500]);
    assert_eq!(are_there(), [true, true]);
    drop(writes);
    assert_eq!(are_there(), [true, false]);
}

#[test]
fn a_write_is_announced_once_and_only_where_there_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let cache = kept(&folder);
    let write = cache.begin_write().unwrap();
    assert!(!write.is_needed());
    cache.put("worker:///a.js", b"code of a");
    assert!(write.is_needed() && !cache.is_write_due() && cache.begin_write().is_none());
    drop(write);
    assert!(cache.is_write_due());
    cache.begin_write().unwrap().into_work()().unwrap();
    assert!(!cache.is_unwritten());
    let alone = Arc::new(CodeCache::in_memory());
    alone.put("worker:///a.js", b"code of a");
    assert!(!alone.is_write_due() && alone.begin_write().is_none());
}
