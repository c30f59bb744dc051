package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/blob"
	"github.com/brdoproject/brdo/internal/desk/intake"
	"github.com/brdoproject/brdo/internal/keyring"
	"github.com/brdoproject/brdo/internal/media"
	"github.com/brdoproject/brdo/internal/store"
)

// Health is how one thing stands.
type Health string

const (
	Well    Health = "ok"
	Warning Health = "warning"
	Ill     Health = "problem"
)

// Finding is one line of an examination.
type Finding struct {
	Health Health
	// What was looked at, how it stands, and what to do; the last may be empty.
	What, Found, Remedy string
}

// Examine looks at everything that a node needs, without starting it. Dates are
// held against now.
func Examine(ctx context.Context, config Config, now time.Time) []Finding {
	e := &examination{config: config, now: now}
	e.sandbox(ctx)
	e.folder()
	e.keys()
	e.law()
	e.rows(ctx)
	e.index()
	e.serving()
	return e.findings
}

type examination struct {
	config   Config
	now      time.Time
	findings []Finding
}

func (e *examination) add(h Health, what, remedy, format string, arguments ...any) {
	e.findings = append(e.findings, Finding{h, what, fmt.Sprintf(format, arguments...), remedy})
}

func (e *examination) sandbox(ctx context.Context) {
	decoder, err := media.Start(ctx, media.Options{Children: 1})
	if err != nil {
		e.add(Ill, "sandbox", "use a Linux kernel with Landlock (5.13 or newer) and seccomp", "hostile pictures cannot be enclosed: %s", problem.From(err).Reason)
		return
	}
	defer decoder.Close()
	checks, err := decoder.SelfCheck(ctx)
	if err != nil {
		e.add(Ill, "sandbox", "see the log", "the self-check failed: %s", problem.From(err).Reason)
		return
	}
	for _, check := range checks {
		if !check.Refused {
			e.add(Ill, "sandbox", "do not decode hostile pictures here", "a decoder could %s", check.Attempt)
			return
		}
	}
	e.add(Well, "sandbox", "", "%d attempts to get out were refused", len(checks))
	e.player(ctx, decoder)
}

// beginning is that of an MP4 file that ends after it: ffmpeg says so, when it runs.
const beginning = "\x00\x00\x00\x14ftypisom\x00\x00\x02\x00isom"

func (e *examination) player(ctx context.Context, decoder *media.Service) {
	path := decoder.State().Player
	if path == "" {
		e.add(Warning, "video", "install ffmpeg 5.1 or newer", "ffmpeg is not installed: videos are compared by their digests only, and nobody can look at them")
		return
	}
	tried, err := decoder.Video(ctx, strings.NewReader(beginning), int64(len(beginning)), media.VideoRequest{})
	switch {
	case err != nil:
		e.add(Ill, "video", problem.From(err).Remedy, "%s cannot be run: %s", path, problem.From(err).Reason)
	case tried.Status != media.StatusTruncated:
		e.add(Ill, "video", "see whether it runs by itself, and whether its libraries are below /lib or /usr/lib", "%s does not work in its enclosure: %s %s", path, tried.Status, tried.Detail)
	default:
		e.add(Well, "video", "", "%s works in its enclosure", path)
	}
}

// roomNeeded is below how much free space a warning is given, in bytes.
const roomNeeded = 2 << 30

func (e *examination) folder() {
	info, err := os.Stat(e.config.Data)
	switch {
	case errors.Is(err, os.ErrNotExist):
		e.add(Warning, "data folder", "it is made at the first start", "%s does not exist yet", e.config.Data)
		return
	case err != nil:
		e.add(Ill, "data folder", "check the path and its rights", "it cannot be read: %s", reason(err))
		return
	case info.Mode().Perm()&0o077 != 0:
		e.add(Ill, "data folder", "chmod 700 "+e.config.Data, "others on this machine may read it (%s)", info.Mode().Perm())
	default:
		e.add(Well, "data folder", "", "only its owner may read it")
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(e.config.Data, &disk); err == nil {
		free := int64(disk.Bavail) * int64(disk.Bsize)
		health := Well
		if free < roomNeeded {
			health = Warning
		}
		e.add(health, "disk space", "free some before the node stops taking uploads", "%d MiB are free", free>>20)
	}
	begun := time.Now()
	if err := syncProbe(e.config.Data); err != nil {
		e.add(Ill, "disk", "check the disk and its rights", "a file cannot be written and synced: %s", reason(err))
		return
	}
	e.add(Well, "disk", "", "a file was written and synced in %s", time.Since(begun).Round(100*time.Microsecond))
}

func syncProbe(folder string) error {
	file, err := os.CreateTemp(folder, "doctor-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(make([]byte, 512))
	return errors.Join(err, file.Sync(), file.Close())
}

func (e *examination) keys() {
	path := filepath.Join(e.config.Data, nodeKeyFile)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		e.add(Warning, "node key", "it is made at the first start; keep a copy apart from the backups", "there is none yet")
		return
	}
	if _, err := keyring.LoadNodeKey(path); err != nil {
		p := problem.From(err)
		e.add(Ill, "node key", p.Remedy, "%s", p.Reason)
		return
	}
	e.add(Well, "node key", "", "it can be read by its owner only")
	if _, err := keyring.OpenIdentity(filepath.Join(e.config.Data, identityFolder)); err != nil {
		p := problem.From(err)
		e.add(Ill, "identity", p.Remedy, "%s", p.Reason)
	}
}

func (e *examination) law() {
	library, err := loadLaw(e.config.Profiles.LawFolder)
	if err != nil {
		e.add(Ill, "profiles", "mend the file that is named", "%v", err)
		return
	}
	if len(e.config.Detection.Sources) == 0 {
		e.add(Warning, "legal basis", "add detection.sources when uploads shall be compared", "no source is configured, so nothing is compared")
	}
	for _, source := range e.config.Detection.Sources {
		basis, err := library.LegalBasis(source.LegalBasis)
		if err != nil {
			e.add(Ill, "legal basis of "+source.Name, "use a profile of law/legal-basis", "there is no profile %s", source.LegalBasis)
			continue
		}
		if err := basis.Check(source.Service, e.now); err != nil {
			p := problem.From(err)
			e.add(Ill, "legal basis of "+source.Name, p.Remedy, "detection stands still: %s", p.Reason)
			continue
		}
		if warnings := basis.Warnings(e.now); len(warnings) > 0 {
			e.add(Warning, "legal basis of "+source.Name, "set another before it ends; detection stops by itself", "%s ends on %s, in less than %d days", basis.Name, basis.Until.Format(time.DateOnly), warnings[len(warnings)-1].Days+1)
			continue
		}
		e.add(Well, "legal basis of "+source.Name, "", "%s is in force", basis.Name)
	}
}

func (e *examination) rows(ctx context.Context) {
	if e.config.Database == "" {
		if _, err := os.Stat(filepath.Join(e.config.Data, databaseFile)); err != nil {
			e.add(Warning, "database", "it is made at the first start", "there is none yet")
			return
		}
	}
	s, err := store.Open(ctx, e.config.databaseLocation())
	if err != nil {
		e.add(Ill, "database", "check that it runs and that the address is right", "it does not answer")
		return
	}
	defer s.Close()
	err = s.Read(ctx, func(tx *store.Tx) error {
		jobs, err := tx.CountJobs()
		if err != nil {
			return err
		}
		waiting, err := tx.EnvelopesWaiting(1)
		if err != nil {
			return err
		}
		size, err := tx.LogSize()
		if err != nil {
			return err
		}
		last, err := tx.LogEventsFrom(max(0, size-1), 1)
		if err != nil {
			return err
		}
		if len(last) > 0 && e.now.Before(last[0].At.Add(-5*time.Minute)) {
			e.add(Ill, "clock", "set the clock (NTP)", "it says %s, but the last record of the log is of %s", e.now.UTC().Format(time.RFC3339), last[0].At.Format(time.RFC3339))
		}
		stopped, err := tx.StoppedBases()
		if err != nil {
			return err
		}
		for _, source := range e.config.Detection.Sources {
			for _, s := range stopped {
				if s.Source == source.Name && s.Basis == source.LegalBasis.String() {
					e.add(Ill, "detection at "+source.Name, "name another legal basis", "it stopped at %s, because its legal basis %s had ended", s.At.Format(time.RFC3339), s.Basis)
				}
			}
		}
		if dead := jobs[store.JobDead]; dead > 0 {
			e.add(Ill, "jobs", "look at the log for what failed", "%d were given up", dead)
		}
		if len(waiting) > 0 && e.now.Sub(waiting[0].CreatedAt) > time.Hour {
			e.add(Warning, "delivery", "check that the peer runs and can be reached", "an envelope waits for its receipt since %s: %s", waiting[0].CreatedAt.Format(time.RFC3339), waiting[0].LastError)
		}
		if err := e.tipline(tx); err != nil {
			return err
		}
		return e.exchanges(tx)
	})
	if err != nil {
		e.add(Ill, "database", "start the node once so that it migrates, or check the disk", "it cannot be read as this version needs it")
		return
	}
	e.add(Well, "database", "", "%s answers", s.Dialect())
	e.sealed(ctx, s)
}

// sealed looks for content that no row names and that should long have been forgotten.
func (e *examination) sealed(ctx context.Context, s *store.Store) {
	const what, most = "sealed content", 1000
	if e.config.Database == "" {
		if _, err := os.Stat(filepath.Join(e.config.Data, vaultFile)); err != nil {
			return // it is made at the first start
		}
	}
	var left []keyring.Unsettled
	err := withVault(ctx, e.config, func(vault *keyring.Vault) error {
		unsettled, err := vault.Unsettled(ctx, e.now.Add(-intake.Overdue), most)
		if err != nil {
			return err
		}
		return s.Read(ctx, func(tx *store.Tx) (err error) {
			_, left, err = intake.Named(tx, unsettled)
			return err
		})
	})
	switch {
	case err != nil:
		e.add(Ill, what, problem.From(err).Remedy, "its keys cannot be read: %s", problem.From(err).Reason)
	case len(left) > 0:
		oldest := slices.MinFunc(left, func(a, b keyring.Unsettled) int { return a.SealedAt.Compare(b.SealedAt) })
		e.add(Warning, what, "let a process with the role worker run: it forgets them, and they may be uploaded again",
			"%d were sealed by processes that died, no row names them, and nothing has forgotten them since %s", len(left), oldest.SealedAt.Format(time.RFC3339))
	default:
		e.add(Well, what, "", "none is left without a row")
	}
}

// ExamineContent compares all sealed content with its keys, which takes a while where there
// is much. It changes nothing; what was sealed within the last hour is passed over.
func ExamineContent(ctx context.Context, config Config, now time.Time) []Finding {
	const what = "bodies and keys"
	e := &examination{config: config, now: now}
	found := map[blob.FindingKind]int{}
	bodies, err := openBodies(ctx, config)
	if err == nil {
		err = withVault(ctx, config, func(vault *keyring.Vault) error {
			return blob.NewSealed(bodies, vault).Compare(ctx, now.Add(-time.Hour), func(f blob.Finding) error { found[f.Kind]++; return nil })
		})
	}
	if err != nil {
		e.add(Ill, what, problem.From(err).Remedy, "they cannot be compared: %s", problem.From(err).Reason)
		return e.findings
	}
	for _, kind := range []struct {
		blob.FindingKind
		Health
		remedy string
	}{
		{blob.KeyWithoutBody, Ill, "bring the content back from a backup; its keys are here"},
		{blob.BodyWithoutKey, Warning, "if an older key vault was put back, put back the current one; otherwise a process died, and they are of no use"},
		{blob.BodyOfErased, Warning, "they came back with a backup; nobody can read them"},
	} {
		if count := found[kind.FindingKind]; count > 0 {
			e.add(kind.Health, what, kind.remedy, "%s: %d", kind.FindingKind, count)
		}
	}
	if len(found) == 0 {
		e.add(Well, what, "", "each body has its key, and each key its body")
	}
	return e.findings
}

func (e *examination) serving() {
	if e.config.TLS.Certificate == "" {
		return
	}
	for _, path := range []string{e.config.TLS.Certificate, e.config.TLS.Key} {
		if _, err := os.Stat(path); err != nil {
			e.add(Ill, "TLS", "check the path", "%s cannot be read", path)
		}
	}
}
