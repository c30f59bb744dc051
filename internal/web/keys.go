package web

import (
	"encoding/json"
	"slices"

	"github.com/brdoproject/brdo/internal/identity"
)

// keymap is a person's own choice of keys. Single letters can be remapped or
// switched off, as WCAG 2.2 criterion 2.1.4 asks.
type keymap struct {
	Off  bool              `json:"off,omitempty"`
	Keys map[string]string `json:"keys,omitempty"`
}

// keyActions are what keys do on the review station, with the keys that users
// of other tools of the field know.
var keyActions = []keyRow{
	{"next", "j"}, {"previous", "k"}, {"sketch", "v"}, {"hold", "Space"}, {"region", "r"}, {"full", "f"}, {"hide", "h"},
	{"grey", "g"}, {"blur", "b"}, {"small", "m"}, {"confirm", "Enter"}, {"pass", "x"}, {"undo", "u"}, {"facts", "t"}, {"help", "?"},
}

type keyRow struct{ Action, Key string }

// keysOf reads a person's preferences; what cannot be read is the standard.
func keysOf(p identity.Person) keymap {
	var m keymap
	if json.Unmarshal([]byte(p.Preferences), &m) != nil {
		return keymap{}
	}
	return m
}

func (m keymap) rows() []keyRow {
	rows := slices.Clone(keyActions)
	for i := range rows {
		if key, changed := m.Keys[rows[i].Action]; changed {
			rows[i].Key = key
		}
	}
	return rows
}

// script is the map as the page's script reads it: action to key.
func (m keymap) script() string {
	keys := map[string]string{}
	if !m.Off {
		for _, row := range m.rows() {
			keys[row.Action] = row.Key
		}
	}
	keys["hide"] = m.hide()
	text, err := json.Marshal(keys)
	if err != nil {
		return "{}"
	}
	return string(text)
}

// hide works even with single letters switched off: Escape always hides too.
func (m keymap) hide() string {
	for _, row := range m.rows() {
		if row.Action == "hide" && row.Key != "" {
			return row.Key
		}
	}
	return "h"
}
