//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/brdoproject/brdo/engine/pdq"
)

const postgres = "/usr/lib/postgresql/17/bin/"

// command is a program inside the root. What it says is kept, for when it fails.
func (at *installation) command(ctx context.Context, end syscall.Signal, program string, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	command, said := exec.CommandContext(ctx, program, arguments...), new(bytes.Buffer)
	command.Dir = "/srv/hma/src"
	command.Stdout, command.Stderr = said, said
	command.Env = []string{
		"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/tmp", "PGHOST=/tmp", "PGPORT=" + strconv.Itoa(at.port), "PGUSER=postgres",
		"OMM_CONFIG=/srv/hma/reference_omm_configs/scaled_deployment_matcher_omm_config.py", "OMM_ROLE_HASHER=true",
		fmt.Sprintf("OMM_DATABASE_URI=postgresql+psycopg2://postgres@127.0.0.1:%d/media_match", at.port),
	}
	command.SysProcAttr = &syscall.SysProcAttr{Chroot: at.root, Credential: &at.user, Pdeathsig: end}
	command.Cancel = func() error { return command.Process.Signal(end) }
	command.WaitDelay = time.Minute
	return command, said
}

func (at *installation) once(ctx context.Context, input, program string, arguments ...string) (string, error) {
	command, said := at.command(ctx, syscall.SIGTERM, program, arguments...)
	command.Stdin = strings.NewReader(input)
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", filepath.Base(program), err, said)
	}
	return strings.TrimSpace(said.String()), nil
}

// service is a program that runs until it is ended.
type service struct {
	command *exec.Cmd
	said    *bytes.Buffer
	ended   chan struct{}
}

func (at *installation) start(ctx context.Context, end syscall.Signal, environment []string, program string, arguments ...string) (*service, error) {
	command, said := at.command(ctx, end, program, arguments...)
	command.Env = append(command.Env, environment...)
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", filepath.Base(program), err)
	}
	s := &service{command, said, make(chan struct{})}
	go func() {
		_ = command.Wait() // why it ended stands in what it said
		close(s.ended)
	}()
	return s, nil
}

func (s *service) end(with syscall.Signal) {
	_ = s.command.Process.Signal(with) // where it has ended already there is nothing to do
	<-s.ended
}

// until tries again and again, as long as the service runs, for at most ten minutes.
func (s *service) until(ctx context.Context, try func() error) error {
	for begun := time.Now(); ; {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.ended:
			return fmt.Errorf("%s ended: %s", filepath.Base(s.command.Path), s.said)
		case <-time.After(time.Second):
		}
		if time.Since(begun) > 10*time.Minute {
			return fmt.Errorf("it is not ready after ten minutes: %w", err)
		}
	}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	return listener.Addr().(*net.TCPAddr).Port, listener.Close()
}

// database starts PostgreSQL with a bank of n hashes, and the index that
// Hasher-Matcher-Actioner builds of it.
func (at *installation) database(ctx context.Context, n int, known pdq.Hash) (s *service, err error) {
	if at.port, err = freePort(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(at.root, "srv/hma/database/PG_VERSION")); err != nil {
		if _, err := at.once(ctx, "", postgres+"initdb", "-D", "/srv/hma/database", "-A", "trust", "-U", "postgres", "-E", "UTF8"); err != nil {
			return nil, err
		}
	}
	s, err = at.start(ctx, syscall.SIGINT, nil, postgres+"postgres", "-D", "/srv/hma/database", "-k", "/tmp", "-h", "127.0.0.1", "-p", strconv.Itoa(at.port))
	if err != nil {
		return nil, err
	}
	err = s.until(ctx, func() error { _, err := at.once(ctx, "", postgres+"pg_isready", "-q"); return err })
	if err == nil {
		err = at.fill(ctx, n, known)
	}
	if err != nil {
		s.end(syscall.SIGINT)
		return nil, err
	}
	return s, nil
}

// fill does nothing where an index of as many hashes stands already: it is built last.
func (at *installation) fill(ctx context.Context, n int, known pdq.Hash) error {
	built, err := at.once(ctx, "SELECT signal_count FROM signal_index WHERE signal_type = 'pdq';", postgres+"psql", "-XAtq", "media_match")
	if err == nil && built == strconv.Itoa(n) {
		return nil
	}
	fmt.Fprintf(os.Stderr, "hma: filling its database with %d hashes and building its index\n", n)
	for _, step := range []struct {
		input   string
		command []string
	}{
		{"", []string{postgres + "dropdb", "--if-exists", "media_match"}},
		{"", []string{postgres + "createdb", "media_match"}},
		{"", []string{"/bin/sh", "../scripts/db-migrate.sh"}},
		{fmt.Sprintf(`INSERT INTO bank (name, enabled_ratio) VALUES ('BENCH', 1);
INSERT INTO bank_content (bank_id, disable_until_ts) SELECT bank.id, 1 FROM bank, generate_series(1, %d);
INSERT INTO content_signal (content_id, signal_type, signal_val) SELECT id, 'pdq', encode(sha256(int8send(id)), 'hex') FROM bank_content;
UPDATE content_signal SET signal_val = '%s' WHERE content_id = (SELECT max(id) FROM bank_content);
VACUUM ANALYZE;
`, n, known), []string{postgres + "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "media_match"}},
		{"", []string{"/usr/bin/flask", "--app", "OpenMediaMatch.app", "build_indices"}},
	} {
		if _, err := at.once(ctx, step.input, step.command[0], step.command[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// serve starts gunicorn as the image of Hasher-Matcher-Actioner does, with as many workers.
func (at *installation) serve(ctx context.Context, workers int) (address string, s *service, err error) {
	port, err := freePort()
	if err != nil {
		return "", nil, err
	}
	allocator, err := filepath.Glob(filepath.Join(at.root, "usr/lib/*/libjemalloc.so.2"))
	if err != nil || len(allocator) != 1 {
		return "", nil, fmt.Errorf("the root has no jemalloc, which its image has: %w", err)
	}
	address = fmt.Sprintf("127.0.0.1:%d", port)
	environment := []string{"LD_PRELOAD=" + strings.TrimPrefix(allocator[0], at.root)}
	if threads := os.Getenv("OMP_NUM_THREADS"); threads != "" {
		environment = append(environment, "OMP_NUM_THREADS="+threads)
	}
	s, err = at.start(ctx, syscall.SIGTERM, environment,
		"/usr/bin/gunicorn", "--workers", strconv.Itoa(workers), "--bind", address, "OpenMediaMatch.app:create_app()")
	return "http://" + address, s, err
}
