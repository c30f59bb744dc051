package postgrestest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// superuser is the role that owns everything in a temporary cluster.
const superuser = "postgres"

// supervisor runs the server and outlives the test process just long enough to
// stop it and to remove the directory. $1 is the server program, $2 the
// directory. Standard input ends when the test process does.
const supervisor = `
"$1" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=on -c max_connections=200 \
	-c shared_buffers=32MB -c jit=off -c autovacuum_naptime=1h </dev/null >"$2/server.log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server 2>/dev/null
wait $server
cd / && rm -rf "$2"
`

// cluster is one running server with its data and its socket in directory.
type cluster struct {
	directory string
	// alive is never written to: closing it, or the death of this process,
	// tells the supervisor to stop.
	alive      io.Closer
	supervisor *exec.Cmd
}

func startCluster(programs string) (_ *cluster, err error) {
	directory, err := os.MkdirTemp("", "brdo-pg-")
	if err != nil {
		return nil, fmt.Errorf("making a directory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(directory))
		}
	}()
	attributes, err := serverUser(directory)
	if err != nil {
		return nil, err
	}

	initialise := exec.Command(filepath.Join(programs, "initdb"),
		"--pgdata", filepath.Join(directory, "data"), "--username", superuser,
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	initialise.Dir, initialise.SysProcAttr = directory, attributes
	if output, err := initialise.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, output)
	}

	command := exec.Command("/bin/sh", "-c", supervisor, "sh", filepath.Join(programs, "postgres"), directory)
	command.Dir, command.SysProcAttr = directory, attributes
	alive, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("making the supervisor's pipe: %w", err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("starting the server: %w", err)
	}
	started := &cluster{directory: directory, alive: alive, supervisor: command}
	if err := started.awaitReady(); err != nil {
		log, _ := os.ReadFile(filepath.Join(directory, "server.log"))
		return nil, errors.Join(fmt.Errorf("%w\n%s", err, log), started.stop())
	}
	return started, nil
}

// awaitReady tries to connect until the server answers or a minute has passed.
func (c *cluster) awaitReady() error {
	database, err := sql.Open("pgx", c.dsn("postgres"))
	if err != nil {
		return err
	}
	defer database.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err = database.PingContext(ctx); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not answer within a minute: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the server and waits until its files are removed.
func (c *cluster) stop() error {
	if err := c.alive.Close(); err != nil {
		return fmt.Errorf("closing the supervisor's pipe: %w", err)
	}
	if err := c.supervisor.Wait(); err != nil {
		return fmt.Errorf("waiting for the supervisor: %w", err)
	}
	return nil
}

// serverUser puts the server into a process group of its own, so that an
// interrupt at the terminal leaves the cleaning up to the supervisor, and picks
// another user when the test process is root.
func serverUser(directory string) (*syscall.SysProcAttr, error) {
	attributes := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() != 0 {
		return attributes, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the user id of %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("reading the group id of %s: %w", name, err)
		}
		if err := os.Chown(directory, int(uid), int(gid)); err != nil {
			return nil, fmt.Errorf("giving the directory to %s: %w", name, err)
		}
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attributes, nil
	}
	return nil, errors.New("running as root, and there is neither a user postgres nor a user nobody to run the server as")
}

// findPrograms returns the directory of initdb and postgres: the one that
// BRDO_TEST_POSTGRES_BIN names, else the newest version that Debian and Red Hat
// packages install, else the one in PATH; empty when there is none.
func findPrograms() string {
	candidates := []string{os.Getenv("BRDO_TEST_POSTGRES_BIN")}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin"} {
		installed, _ := filepath.Glob(pattern) // fails only on a bad pattern
		slices.SortFunc(installed, func(a, b string) int { return versionOf(b) - versionOf(a) })
		candidates = append(candidates, installed...)
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, directory := range candidates {
		if directory != "" && isProgram(filepath.Join(directory, "initdb")) && isProgram(filepath.Join(directory, "postgres")) {
			return directory
		}
	}
	return ""
}

// versionOf reads the number in an installation path such as
// "/usr/lib/postgresql/17/bin"; 0 when it has none.
func versionOf(path string) int {
	version := 0
	for _, char := range path {
		if char >= '0' && char <= '9' {
			version = version*10 + int(char-'0')
		}
	}
	return version
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}
