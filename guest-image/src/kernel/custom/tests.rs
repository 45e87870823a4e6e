use tempfile::TempDir;

use super::*;
use crate::recipe::{KernelSpec, Recipe};
use crate::tool::Program;

/// Every option is taken, and what comes out are files of the right kinds.
const MAKEFILE: &str = "\
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) .config
bzImage:
	mkdir -p arch/x86/boot
	echo $(KBUILD_BUILD_USER) $(KBUILD_BUILD_HOST) $(KBUILD_BUILD_TIMESTAMP) >arch/x86/boot/bzImage
	cp /bin/true vmlinux
kernelrelease:
	@echo 6.1.0-test
";

fn spec() -> CustomKernel {
    let recipe = Recipe::embedded("debian-12").unwrap().with_kernel(crate::KernelKind::Custom).unwrap();
    let KernelSpec::Custom(spec) = recipe.kernel else { panic!("{recipe:?}") };
    spec
}

fn origin() -> Origin {
    Origin {
        source: "linux-source-6.1 6.1.192-2 ae95fe63".to_owned(),
        toolchain: ["gcc 12.2.0".to_owned(), "GNU ld 2.40".to_owned()],
        config: b"CONFIG_SMP=y\n",
    }
}

/// A package of a very small kernel, and room to build it.
struct Bench {
    directory: TempDir,
    deb: PathBuf,
}

impl Bench {
    fn new(makefile: &str) -> Self {
        let bench = Self::without_source();
        let at = |path: &str| bench.directory.path().join(path);
        fs_err::create_dir(at("linux-source-6.1")).unwrap();
        fs_err::write(at("linux-source-6.1/Makefile"), makefile).unwrap();
        let archive = at("deb/usr/src/linux-source-6.1.tar.xz");
        run(tool::TAR, &["-cJf".as_ref(), &archive, "-C".as_ref(), &at(""), "linux-source-6.1".as_ref()]);
        let moment = time::macros::datetime!(2026-11-16 10:17:05 UTC);
        fs_err::File::options().write(true).open(&archive).unwrap().set_modified(moment.into()).unwrap();
        bench.pack();
        bench
    }

    fn without_source() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for path in ["deb/DEBIAN", "deb/usr/src", "scratch"] {
            fs_err::create_dir_all(directory.path().join(path)).unwrap();
        }
        let control = "Package: linux-source-6.1\nVersion: 6.1.0-1\nArchitecture: all\nMaintainer: nobody\n\
                       Description: very small\n";
        fs_err::write(directory.path().join("deb/DEBIAN/control"), control).unwrap();
        let bench = Self { deb: directory.path().join("linux-source-6.1_6.1.0-1_all.deb"), directory };
        bench.pack();
        bench
    }

    fn pack(&self) {
        run(tool::DPKG_DEB, &["--build".as_ref(), &self.directory.path().join("deb"), &self.deb]);
    }

    fn build(&self) -> Result<BuiltKernel, Error> {
        from_package(&spec(), &origin(), &self.deb, &self.directory.path().join("scratch"), &mut |_| ())
    }
}

fn run(program: Program, arguments: &[&Path]) {
    Tool::new(program, arguments).run(&mut |_| ()).unwrap();
}

#[test]
fn the_packages_source_becomes_a_kernel_with_its_elf_file_and_its_configuration() {
    let bench = Bench::new(MAKEFILE);
    let built = bench.build().unwrap();
    assert_eq!(built.version, "6.1.0-test");
    assert_eq!(
        (built.packages[0].name.as_str(), built.packages[0].version.as_str()),
        ("linux-source-6.1", "6.1.0-1")
    );
    assert_eq!(built.name().unwrap(), format!("6.1.0-test-{}", origin().digest().short()));
    let Contents::Custom { vmlinux, config, .. } = &built.contents else { panic!("{built:?}") };
    assert!(fs_err::read(vmlinux).unwrap().starts_with(b"\x7fELF"));
    assert_eq!(fs_err::read(config).unwrap(), spec().config.contents());
}

#[test]
fn the_kernel_tells_the_date_of_its_source_and_nobodys_name() {
    let bench = Bench::new(MAKEFILE);
    let image = fs_err::read_to_string(bench.build().unwrap().image).unwrap();
    assert_eq!(image, "anteroom anteroom 2026-11-16 10:17:05 UTC\n");
}

#[test]
fn a_build_that_fails_names_its_log_and_ends_with_its_last_lines() {
    let makefile =
        MAKEFILE.replace("mkdir -p arch/x86/boot", "@for n in $$(seq 30); do echo line $$n; done; false");
    let bench = Bench::new(&makefile);
    let log = bench.directory.path().join("kernel-build.log");
    let mut shown = Vec::new();
    let mut line = |text: &str| shown.push(text.to_owned());
    let scratch = bench.directory.path().join("scratch");
    let built = logged(&log, &mut line, |line| from_package(&spec(), &origin(), &bench.deb, &scratch, line));
    let error = built.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the kernel was not built; all that its build has said is in {}", log.display())
    );
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("make ended with exit status: 2") && cause.contains("line 30"), "{cause}");
    let logged: Vec<_> = fs_err::read_to_string(&log).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(logged, shown);
    assert!(logged.contains(&"line 1".to_owned()), "{logged:?}");
}

#[test]
fn a_configuration_that_loses_an_option_stops_the_build_and_names_it() {
    let makefile = MAKEFILE.replace("cp $(KCONFIG_ALLCONFIG)", "grep -v EROFS_FS= $(KCONFIG_ALLCONFIG) >");
    let error = Bench::new(&makefile).build().unwrap_err().to_string();
    assert!(
        error.starts_with("the kernel's configuration did not take all of linux-6.1.config: 1 of "),
        "{error}"
    );
    assert!(
        error.ends_with("CONFIG_EROFS_FS=y is unknown, or depends on something that is missing"),
        "{error}"
    );
}

#[test]
fn the_same_origin_has_the_same_digest_and_anything_else_another() {
    let others = [
        Origin { source: "linux-source-6.1 6.1.192-3 ae95fe63".to_owned(), ..origin() },
        Origin { toolchain: ["gcc 12.2.1".to_owned(), "GNU ld 2.40".to_owned()], ..origin() },
        Origin { toolchain: ["gcc 12.2.0".to_owned(), "GNU ld 2.41".to_owned()], ..origin() },
        Origin { config: b"CONFIG_SMP=y\nCONFIG_PCI=y\n", ..origin() },
    ];
    assert_eq!(origin().digest(), origin().digest());
    for other in others {
        assert_ne!(other.digest(), origin().digest(), "{other:?}");
    }
}

#[test]
fn the_configuration_that_the_recipes_name_can_be_read() {
    let text = String::from_utf8(spec().config.contents().to_vec()).unwrap();
    assert_eq!(Fragment::parse(&text).unwrap().check(&text), Ok(()));
}

#[test]
fn a_package_without_a_source_is_named() {
    assert_eq!(
        Bench::without_source().build().unwrap_err().to_string(),
        "the kernel's packages (linux-source-6.1) contain no /usr/src/linux-source-*.tar.*"
    );
}
