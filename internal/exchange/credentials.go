package exchange

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/brdoproject/brdo/domain/problem"
	"github.com/brdoproject/brdo/internal/keyring"
)

// Credentials say where those of an exchange are; they are read for each round, so
// that new ones need no restart.
type Credentials struct {
	// File holds them on one line; others may not read it. Empty means Variable.
	File string
	// Variable is the name of the environment's variable that holds them.
	Variable string
}

// VariableOf is the name of the variable of an exchange's credentials.
func VariableOf(name string) string {
	return "BRDO_LIST_EXCHANGE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// maxCredentials is the longest line of credentials, in bytes.
const maxCredentials = 4096

// Read reads them; empty when there are none.
//
// Errors: Unavailable, without any of the content.
func (c Credentials) Read() (keyring.Secret, error) {
	if c.File == "" {
		return keyring.NewSecret([]byte(strings.TrimSpace(os.Getenv(c.Variable)))), nil
	}
	file, err := os.Open(c.File)
	if err != nil {
		return keyring.Secret{}, problem.New(problem.Unavailable, "the file of the credentials cannot be read", "check its path and its rights")
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		return keyring.Secret{}, problem.New(problem.Unavailable, "the credentials are in no ordinary file", "name a file")
	case info.Mode().Perm()&0o077 != 0:
		return keyring.Secret{}, problem.New(problem.Unavailable, "others on this machine may read the file of the credentials", "chmod 600 it, and change the credentials")
	}
	text, err := io.ReadAll(io.LimitReader(file, maxCredentials+1))
	if err != nil || len(text) > maxCredentials {
		return keyring.Secret{}, problem.New(problem.Unavailable, fmt.Sprintf("the file of the credentials cannot be read, or is longer than %d bytes", maxCredentials), "it holds one line")
	}
	return keyring.NewSecret([]byte(strings.TrimSpace(string(text)))), nil
}

// pair reads two parts, which a separator parts.
func (c Credentials) pair(separator, form string) (first, second string, err error) {
	secret, err := c.Read()
	if err != nil {
		return "", "", err
	}
	first, second, _ = strings.Cut(string(secret.Reveal()), separator)
	if first == "" || second == "" {
		return "", "", c.missing(form)
	}
	return first, second, nil
}

func (c Credentials) missing(form string) error {
	where := "set " + c.Variable
	if c.File != "" {
		where = "write them into their file"
	}
	return problem.New(problem.Unavailable, "the credentials are missing, or not of the form "+form, where)
}
