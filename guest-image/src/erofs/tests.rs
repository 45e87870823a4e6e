use super::*;

fn format() -> Format {
    Format { owners: Owners::AllRoot, timestamp: 1_767_225_600, identity: Digest::of(b"layer") }
}

#[test]
fn the_command_line_is_the_reviewed_one() {
    assert_eq!(
        arguments(Path::new("/scratch/root"), Path::new("/scratch/layer.erofs"), format()),
        [
            "-zlz4",
            "-C65536",
            "-x-1",
            "-T1767225600",
            "-Udac1d7cf-a950-2176-4849-fd102524e141",
            "--quiet",
            "--all-root",
            "/scratch/layer.erofs",
            "/scratch/root",
        ]
    );
}

#[test]
fn the_same_files_give_the_same_image_whenever_they_were_made() {
    let directory = tempfile::tempdir().unwrap();
    let digests: Vec<_> = [1_600_000_000, 1_700_000_000]
        .into_iter()
        .map(|seconds| {
            let root = directory.path().join(format!("root-{seconds}"));
            std::fs::create_dir(&root).unwrap();
            std::fs::write(root.join("file"), "contents").unwrap();
            let modified = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            let file = std::fs::File::options().write(true).open(root.join("file")).unwrap();
            file.set_modified(modified).unwrap();
            let image = directory.path().join(format!("{seconds}.erofs"));
            make(&root, &image, format(), &mut |_| ()).unwrap();
            Digest::of_file(&image).unwrap()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}
