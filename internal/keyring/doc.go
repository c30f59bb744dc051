// Package keyring holds the keys of a node: the key that wraps, the keys of
// single items, and the keys with which the node signs and is written to.
//
// # Why item keys live apart
//
// The content of an item is encrypted at rest with a key of its own, in the age
// format (https://c2sp.org/age). The encrypted file is cut in two: its header,
// which holds the item's key wrapped for the node key, goes into the [Vault];
// the rest, the body, goes into the blob store. Without its header a body
// cannot be read by anybody, so an item is erased when its header is destroyed.
//
// Backups of the data never include the vault, and the vault is never kept in
// generations: there is the vault and its one current copy ([Vault.CopyTo]). A
// data backup of any age, restored beside the current vault, therefore gives
// back the items that still exist and never one that was erased. That is how
// "erase" (Articles 5 and 16(2) of Directive (EU) 2016/680, Article 17 of
// Regulation (EU) 2016/679) reaches the backups too.
//
// # Erased and forgotten
//
// An erased item leaves a mark, so that it never comes back. A key that was put
// by a process that died before a row of the data named the item is forgotten
// instead: its header is overwritten too, but no mark and no name is left, and
// the same content may be sealed again ([Vault.Forget]).
//
// # What destroying a key leaves behind
//
// In SQLite the bytes of a destroyed header are overwritten in the database
// file and cut from the write-ahead log before [Vault.Destroy] returns. Traces
// below the file system (blocks of a truncated log, cells that a flash disk has
// retired) are out of a program's reach, as are the write-ahead log and dead
// rows of a PostgreSQL server. All such traces are wrapped by the node key:
// [Vault.Rewrap] to a new node key followed by the destruction of the old one
// makes every trace from before that day unreadable. Rotate at least as often
// as the retention rules require proof of erasure.
package keyring
