package node

import (
	"log/slog"
	"net/http"
)

// Reference is one of the pictures that the demonstration's lists know.
func Reference(i int) []byte { return reference(i).file }

// Guarded is what stands before every handler of a node.
func Guarded(next http.Handler, log *slog.Logger) http.Handler { return guarded(next, log) }
