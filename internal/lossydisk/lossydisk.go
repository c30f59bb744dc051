// Package lossydisk is a file system for tests that behaves as a disk does when
// the power fails: what was not synced is lost, in part, in any order, and a
// write can be torn between two sectors. It is mounted (FUSE, Linux, root), so
// that a real process works on it with its real files, and is killed.
//
// A name is durable when its directory was synced, content when its file was.
// Nothing else is promised by POSIX. Sources: Pillai et al., All File Systems
// Are Not Created Equal (OSDI 2014); LazyFS (github.com/dsrhaslab/lazyfs).
package lossydisk

import (
	"context"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// sector is what a disk writes as a whole, in bytes.
const sector = 512

// change is a write, or a truncation when data is nil, that was not synced.
type change struct {
	at   int64
	data []byte
}

// file is a file or, with names, a directory.
type file struct {
	fusefs.Inode
	disk *Disk
	dir  bool
	mode uint32
	// name is what it was called first; [Options.SkipSync] looks at it.
	name string

	current, durable []byte
	pending          []change

	names, durableNames map[string]*file
}

// Options of a disk.
type Options struct {
	// SkipSync names files, by a pattern of [filepath.Match], that are never
	// synced: as if the program had forgotten to.
	SkipSync string
}

// Disk is a mounted file system that loses what was not synced.
type Disk struct {
	mu      sync.Mutex
	options Options
	root    *file
	server  *fuse.Server
	folder  string
	syncs   int
}

// Mount copies a folder onto a new disk, durably, and mounts it; it is unmounted
// when the test ends, if not before. Where nothing can be mounted the test is
// skipped loudly, or fails when everything is required.
func Mount(t testing.TB, content string, options Options) *Disk {
	t.Helper()
	d := &Disk{options: options, folder: t.TempDir()}
	d.root = d.newFile("", true, 0o700)
	if err := d.load(d.root, content); err != nil {
		t.Fatalf("copying %s onto a disk: %v", content, err)
	}
	never := time.Duration(0)
	server, err := fusefs.Mount(d.folder, d.root, &fusefs.Options{
		EntryTimeout: &never, AttrTimeout: &never,
		MountOptions: fuse.MountOptions{DirectMountStrict: true, FsName: "lossydisk", Name: "lossydisk", MaxWrite: 128 << 10},
	})
	if err != nil {
		if os.Getenv("BRDO_REQUIRE_ALL") == "1" {
			t.Fatalf("BRDO_REQUIRE_ALL=1, and no disk can be mounted: %v", err)
		}
		t.Skipf("SKIP: no disk can be mounted here (%v); what a power failure leaves was not tested", err)
	}
	d.server = server
	t.Cleanup(d.unmount)
	return d
}

// Folder is where the disk is mounted.
func (d *Disk) Folder() string { return d.folder }

// Syncs is how often something was synced.
func (d *Disk) Syncs() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncs
}

func (d *Disk) unmount() {
	if d.server != nil {
		_ = syscall.Unmount(d.folder, syscall.MNT_DETACH)
		d.server.Wait()
		d.server = nil
	}
}

// Fail lets the power fail: it unmounts the disk and writes into a folder what
// a disk could hold afterwards, one possibility drawn at random. Nobody may use
// the disk any more.
func (d *Disk) Fail(random *rand.Rand, into string) error {
	d.unmount()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.root.remains(random, into)
}

func (f *file) remains(random *rand.Rand, path string) error {
	if !f.dir {
		return os.WriteFile(path, f.survived(random), fs.FileMode(f.mode)&fs.ModePerm)
	}
	if err := os.MkdirAll(path, fs.FileMode(f.mode)&fs.ModePerm); err != nil {
		return err
	}
	names := f.durableNames
	if random.IntN(2) == 0 { // the directory happened to be written as it was
		names = f.names
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if err := names[name].remains(random, filepath.Join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// survived is one possible content after a power failure.
func (f *file) survived(random *rand.Rand) []byte {
	content := slices.Clone(f.durable)
	for _, c := range f.pending {
		if random.IntN(2) == 0 {
			continue
		}
		if c.data == nil {
			content = resized(content, c.at)
			continue
		}
		torn := random.IntN(3) == 0
		for from := int64(0); from < int64(len(c.data)); {
			// Sectors are those of the disk, not of the write.
			to := min(int64(len(c.data)), (c.at+from)/sector*sector+sector-c.at)
			if !torn || random.IntN(2) == 0 {
				content = written(content, c.at+from, c.data[from:to])
			}
			from = to
		}
	}
	return content
}

func resized(content []byte, size int64) []byte {
	if size <= int64(len(content)) {
		return content[:size]
	}
	return append(content, make([]byte, size-int64(len(content)))...)
}

func written(content []byte, at int64, data []byte) []byte {
	if end := at + int64(len(data)); end > int64(len(content)) {
		content = resized(content, end)
	}
	copy(content[at:], data)
	return content
}

func (d *Disk) newFile(name string, dir bool, mode uint32) *file {
	f := &file{disk: d, dir: dir, mode: mode & 0o777, name: name}
	if dir {
		f.names, f.durableNames = map[string]*file{}, map[string]*file{}
	}
	return f
}

// load copies a folder into a directory.
func (d *Disk) load(into *file, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		f := d.newFile(entry.Name(), entry.IsDir(), uint32(info.Mode().Perm()))
		path := filepath.Join(folder, entry.Name())
		if entry.IsDir() {
			err = d.load(f, path)
		} else if f.durable, err = os.ReadFile(path); err == nil {
			f.current = slices.Clone(f.durable)
		}
		if err != nil {
			return err
		}
		into.names[entry.Name()], into.durableNames[entry.Name()] = f, f
	}
	return nil
}

// ---- The file system --------------------------------------------------------

var (
	_ fusefs.NodeLookuper   = (*file)(nil)
	_ fusefs.NodeGetattrer  = (*file)(nil)
	_ fusefs.NodeSetattrer  = (*file)(nil)
	_ fusefs.NodeCreater    = (*file)(nil)
	_ fusefs.NodeMkdirer    = (*file)(nil)
	_ fusefs.NodeOpener     = (*file)(nil)
	_ fusefs.NodeReader     = (*file)(nil)
	_ fusefs.NodeWriter     = (*file)(nil)
	_ fusefs.NodeFsyncer    = (*file)(nil)
	_ fusefs.NodeReaddirer  = (*file)(nil)
	_ fusefs.NodeUnlinker   = (*file)(nil)
	_ fusefs.NodeRmdirer    = (*file)(nil)
	_ fusefs.NodeRenamer    = (*file)(nil)
	_ fusefs.NodeLinker     = (*file)(nil)
	_ fusefs.NodeStatfser   = (*file)(nil)
	_ fusefs.NodeFlusher    = (*file)(nil)
	_ fusefs.NodeAllocater  = (*file)(nil)
	_ fusefs.NodeGetxattrer = (*file)(nil)
)

func (f *file) lock() func() {
	f.disk.mu.Lock()
	return f.disk.mu.Unlock
}

func (f *file) kind() uint32 {
	if f.dir {
		return syscall.S_IFDIR
	}
	return syscall.S_IFREG
}

func (f *file) describe(out *fuse.Attr) {
	out.Mode = f.kind() | f.mode
	out.Size = uint64(len(f.current))
	out.Blocks = (out.Size + sector - 1) / sector
	out.Blksize = 4096
	out.Nlink = 1
}

func (f *file) inode(ctx context.Context, child *file) *fusefs.Inode {
	if known := child.EmbeddedInode(); known.StableAttr().Mode != 0 {
		return known
	}
	return f.NewInode(ctx, child, fusefs.StableAttr{Mode: child.kind()})
}

// Lookup finds a name in a directory.
func (f *file) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	defer f.lock()()
	child, found := f.names[name]
	if !found {
		return nil, syscall.ENOENT
	}
	child.describe(&out.Attr)
	return f.inode(ctx, child), 0
}

// Getattr describes a file.
func (f *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	defer f.lock()()
	f.describe(&out.Attr)
	return 0
}

// Setattr changes size or mode.
func (f *file) Setattr(_ context.Context, _ fusefs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	defer f.lock()()
	if size, asked := in.GetSize(); asked {
		f.current = resized(f.current, int64(size))
		f.pending = append(f.pending, change{at: int64(size)})
	}
	if mode, asked := in.GetMode(); asked {
		f.mode = mode & 0o777
	}
	f.describe(&out.Attr)
	return 0
}

// Create makes a file; its name lasts once the directory was synced.
func (f *file) Create(ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, fusefs.FileHandle, uint32, syscall.Errno) {
	defer f.lock()()
	child := f.disk.newFile(name, false, mode)
	f.names[name] = child
	child.describe(&out.Attr)
	return f.inode(ctx, child), nil, 0, 0
}

// Mkdir makes a directory.
func (f *file) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	defer f.lock()()
	child := f.disk.newFile(name, true, mode)
	f.names[name] = child
	child.describe(&out.Attr)
	return f.inode(ctx, child), 0
}

// Open needs nothing kept.
func (f *file) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return nil, fuse.FOPEN_KEEP_CACHE, 0
}

// Read reads what was written, synced or not.
func (f *file) Read(_ context.Context, _ fusefs.FileHandle, into []byte, at int64) (fuse.ReadResult, syscall.Errno) {
	defer f.lock()()
	if at >= int64(len(f.current)) {
		return fuse.ReadResultData(nil), 0
	}
	return fuse.ReadResultData(slices.Clone(f.current[at:min(int64(len(f.current)), at+int64(len(into)))])), 0
}

// Write writes, until it is synced only to be read.
func (f *file) Write(_ context.Context, _ fusefs.FileHandle, data []byte, at int64) (uint32, syscall.Errno) {
	defer f.lock()()
	f.current = written(f.current, at, data)
	f.pending = append(f.pending, change{at, slices.Clone(data)})
	return uint32(len(data)), 0
}

// Fsync makes a file's content, or a directory's names, last.
func (f *file) Fsync(context.Context, fusefs.FileHandle, uint32) syscall.Errno {
	defer f.lock()()
	if skip, err := filepath.Match(f.disk.options.SkipSync, f.name); err == nil && skip && f.name != "" {
		return 0
	}
	f.disk.syncs++
	if f.dir {
		f.durableNames = maps.Clone(f.names)
		return 0
	}
	f.durable, f.pending = slices.Clone(f.current), nil
	return 0
}

// Flush is called when a file is closed, which syncs nothing.
func (f *file) Flush(context.Context, fusefs.FileHandle) syscall.Errno { return 0 }

// Readdir lists a directory.
func (f *file) Readdir(context.Context) (fusefs.DirStream, syscall.Errno) {
	defer f.lock()()
	var entries []fuse.DirEntry
	for _, name := range slices.Sorted(maps.Keys(f.names)) {
		entries = append(entries, fuse.DirEntry{Name: name, Mode: f.names[name].kind()})
	}
	return fusefs.NewListDirStream(entries), 0
}

// Unlink removes a name; it may come back when the directory was not synced.
func (f *file) Unlink(_ context.Context, name string) syscall.Errno {
	defer f.lock()()
	delete(f.names, name)
	return 0
}

// Rmdir removes an empty directory.
func (f *file) Rmdir(_ context.Context, name string) syscall.Errno {
	defer f.lock()()
	if child := f.names[name]; child != nil && len(child.names) > 0 {
		return syscall.ENOTEMPTY
	}
	delete(f.names, name)
	return 0
}

// Rename moves a name.
func (f *file) Rename(_ context.Context, name string, parent fusefs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	defer f.lock()()
	to, ok := parent.(*file)
	if !ok || flags&^1 != 0 {
		return syscall.EINVAL
	}
	if _, exists := to.names[newName]; exists && flags&1 != 0 { // RENAME_NOREPLACE
		return syscall.EEXIST
	}
	child := f.names[name]
	delete(f.names, name)
	to.names[newName] = child
	return 0
}

// Link gives a file a further name.
func (f *file) Link(_ context.Context, target fusefs.InodeEmbedder, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	defer f.lock()()
	child, ok := target.(*file)
	if !ok {
		return nil, syscall.EINVAL
	}
	if _, exists := f.names[name]; exists {
		return nil, syscall.EEXIST
	}
	f.names[name] = child
	child.describe(&out.Attr)
	return child.EmbeddedInode(), 0
}

// Allocate makes room, as zeros.
func (f *file) Allocate(_ context.Context, _ fusefs.FileHandle, at, size uint64, mode uint32) syscall.Errno {
	defer f.lock()()
	if mode != 0 {
		return syscall.EOPNOTSUPP
	}
	if end := int64(at + size); end > int64(len(f.current)) {
		f.current = resized(f.current, end)
		f.pending = append(f.pending, change{at: end})
	}
	return 0
}

// Getxattr: there are no extended attributes.
func (f *file) Getxattr(context.Context, string, []byte) (uint32, syscall.Errno) {
	return 0, syscall.ENODATA
}

// Statfs says that there is room.
func (f *file) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Blocks, out.Bfree, out.Bavail, out.NameLen = 4096, 1<<20, 1<<20, 1<<20, 255
	return 0
}
