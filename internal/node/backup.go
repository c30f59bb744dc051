package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/engine/translog"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/ledger"
	"github.com/brdoproject/brdo/internal/store"
)

// A backup holds the rows and the sealed content, never a key: the keys of the
// items live in the vault, whose one current copy is written over each time.
// So an erased item stays erased, whichever old backup is restored.

const (
	databaseFile = "brdo.db"
	manifestFile = "manifest.json"
	// manifestLimit is the largest manifest that is read, in bytes.
	manifestLimit = 1 << 30
)

// Manifest says what a backup holds. It is written last: a folder without it is
// no backup.
type Manifest struct {
	Format     int       `json:"format"`
	Node       string    `json:"node"`
	LogKey     string    `json:"log_key"`
	Created    time.Time `json:"created"`
	Checkpoint string    `json:"checkpoint"`
	Files      []Copied  `json:"files"`
}

// Copied is one file of a backup.
type Copied struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup writes a backup into a folder that does not exist yet, while the node
// may run. When keys is not empty, the vault's current copy replaces that file.
func Backup(ctx context.Context, config Config, folder, keys string) (Manifest, error) {
	var m Manifest
	if config.Database != "" {
		return m, problem.InvalidField("database", "the rows are in PostgreSQL", "use pg_dump for them, leaving out the tables vault, item_keys, destroyed_keys and unsettled_keys, and copy the content store")
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		return m, problem.InvalidField("folder", reason(err), "name a folder that does not exist yet").Because(err)
	}
	self, err := keyring.OpenIdentity(filepath.Join(config.Data, identityFolder))
	if err != nil {
		return m, err
	}
	s, err := store.Open(ctx, config.databaseLocation())
	if err != nil {
		return m, err
	}
	defer s.Close()
	// Rows first: content that comes later is not named by them.
	if err := s.Snapshot(ctx, filepath.Join(folder, databaseFile)); err != nil {
		return m, err
	}
	m = Manifest{Format: 1, Node: self.Public().Name, LogKey: self.Public().LogVerifier, Created: time.Now().UTC()}
	err = s.Read(ctx, func(tx *store.Tx) error {
		latest, err := tx.LatestLogCheckpoint()
		m.Checkpoint = latest.Note
		if errors.Is(err, store.ErrEmptyLog) {
			return nil
		}
		return err
	})
	if err != nil {
		return m, err
	}
	if err := copyTree(ctx, filepath.Join(config.Data, contentFolder), filepath.Join(folder, contentFolder)); err != nil {
		return m, err
	}
	if m.Files, err = inventory(ctx, folder); err != nil {
		return m, err
	}
	if err := writeManifest(folder, m); err != nil {
		return m, err
	}
	if keys == "" {
		return m, nil
	}
	return m, withVault(ctx, config, func(vault *keyring.Vault) error { return vault.CopyTo(ctx, keys) })
}

func withVault(ctx context.Context, config Config, work func(*keyring.Vault) error) error {
	key, err := keyring.LoadNodeKey(filepath.Join(config.Data, nodeKeyFile))
	if err != nil {
		return err
	}
	vault, err := keyring.OpenVault(ctx, config.vaultLocation(), key, time.Now)
	if err != nil {
		return err
	}
	return errors.Join(work(vault), vault.Close())
}

func writeManifest(folder string, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(folder, manifestFile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Sync(), file.Close())
}

func copyTree(ctx context.Context, from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("reading the content: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		inner, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, inner)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		err = copyFile(path, target)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // erased or put into place meanwhile
		}
		return err
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copying: %w", err)
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// inventory lists the files of a backup with their digests.
func inventory(ctx context.Context, folder string) ([]Copied, error) {
	var files []Copied
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		inner, err := filepath.Rel(folder, path)
		if err != nil || inner == manifestFile {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		sum := sha256.New()
		size, err := io.Copy(sum, file)
		files = append(files, Copied{filepath.ToSlash(inner), size, hex.EncodeToString(sum.Sum(nil))})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("taking stock of the backup: %w", err)
	}
	return files, nil
}

// CheckBackup reads a backup to its last byte: every file against the manifest,
// and the log against its key. Nothing is changed.
func CheckBackup(ctx context.Context, folder string) (Manifest, translog.Report, error) {
	m, err := readManifest(folder)
	if err != nil {
		return m, translog.Report{}, err
	}
	found, err := inventory(ctx, folder)
	if err != nil {
		return m, translog.Report{}, err
	}
	have := map[string]Copied{}
	for _, file := range found {
		have[file.Path] = file
	}
	for _, file := range m.Files {
		if have[file.Path] != file {
			return m, translog.Report{}, problem.InvalidField(file.Path, "it is missing or not as it was backed up", "use another backup")
		}
		delete(have, file.Path)
	}
	for path := range have {
		return m, translog.Report{}, problem.InvalidField(path, "it does not belong to the backup", "remove it, or use another backup")
	}
	report, err := checkLog(ctx, folder, m)
	return m, report, err
}

// checkLog verifies the log on a copy, since a database that is opened changes
// its files.
func checkLog(ctx context.Context, folder string, m Manifest) (translog.Report, error) {
	scratch, err := os.MkdirTemp("", "brdo-check-")
	if err != nil {
		return translog.Report{}, fmt.Errorf("making room for the check: %w", err)
	}
	defer os.RemoveAll(scratch)
	if err := copyFile(filepath.Join(folder, databaseFile), filepath.Join(scratch, databaseFile)); err != nil {
		return translog.Report{}, err
	}
	s, err := store.Open(ctx, "sqlite:"+filepath.Join(scratch, databaseFile))
	if err != nil {
		return translog.Report{}, err
	}
	defer s.Close()
	trust, err := translog.NewTrust(m.Node, m.LogKey)
	if err != nil {
		return translog.Report{}, err
	}
	return ledger.Verify(ctx, s, trust)
}

func readManifest(folder string) (Manifest, error) {
	var m Manifest
	file, err := os.Open(filepath.Join(folder, manifestFile))
	if err != nil {
		return m, problem.InvalidField("folder", "it holds no finished backup", "name the folder that brdo backup made").Because(err)
	}
	defer file.Close()
	if err := json.NewDecoder(io.LimitReader(file, manifestLimit)).Decode(&m); err != nil || m.Format != 1 {
		return m, problem.InvalidField(manifestFile, "it cannot be read, or is of a newer version", "use the version of brdo that made it").Because(err)
	}
	for _, entry := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(entry.Path)) {
			return m, problem.InvalidField(manifestFile, "it names a file outside the backup", "use another backup")
		}
	}
	return m, nil
}

// Restore puts a checked backup into the data folder of a configuration, beside
// the identity and node key that were kept apart, and takes the vault's current
// copy. Items that were erased since the backup stay unreadable.
func Restore(ctx context.Context, config Config, folder, keys string) (Manifest, error) {
	m, _, err := CheckBackup(ctx, folder)
	if err != nil {
		return m, err
	}
	for _, name := range []string{databaseFile, contentFolder, vaultFile} {
		if _, err := os.Stat(filepath.Join(config.Data, name)); err == nil {
			return m, problem.InvalidField("data", "the folder holds a node's data already ("+name+")", "restore into a folder that holds only the identity and the node key")
		}
	}
	for _, name := range []string{identityFolder, nodeKeyFile} {
		if _, err := os.Stat(filepath.Join(config.Data, name)); err != nil {
			return m, problem.InvalidField("data", name+" is missing", "put the identity folder and the node key back first; a backup never holds them")
		}
	}
	if err := copyTree(ctx, filepath.Join(folder, contentFolder), filepath.Join(config.Data, contentFolder)); err != nil {
		return m, err
	}
	if err := copyFile(filepath.Join(folder, databaseFile), filepath.Join(config.Data, databaseFile)); err != nil {
		return m, err
	}
	return m, withVault(ctx, config, func(vault *keyring.Vault) error { return vault.Restore(ctx, keys) })
}
