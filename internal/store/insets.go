package store

import "github.com/brdoproject/brdo/engine/pdq"

// InsetsWanted reports whether there is an own list whose entries are to have hashes of the middle
// of their pictures.
func (tx *Tx) InsetsWanted() (bool, error) {
	count := 0
	err := tx.one("looking for lists with insets", nil, `SELECT COUNT(*) FROM hash_lists WHERE own AND insets`, nil, &count)
	return count > 0, err
}

// PutItemInsets keeps the hashes of the middle of an item's picture.
func (tx *Tx) PutItemInsets(item string, insets []pdq.Inset) error {
	return tx.exec("writing insets", `INSERT INTO item_insets (item, hashes) VALUES ($1, $2) ON CONFLICT (item) DO NOTHING`, item, pdq.PackInsets(insets))
}

// ItemInsets returns the hashes of the middle of an item's picture; nil when there are none.
func (tx *Tx) ItemInsets(item string) (insets []pdq.Inset, err error) {
	var packed []byte
	err = tx.rows("reading insets", `SELECT hashes FROM item_insets WHERE item = $1`, []any{item}, func(row scanner) error { return row.Scan(&packed) })
	if err != nil {
		return nil, err
	}
	return pdq.UnpackInsets(packed)
}

// DeleteItemInsets forgets the hashes of the middle of an item's picture.
func (tx *Tx) DeleteItemInsets(item string) error {
	return tx.exec("deleting insets", `DELETE FROM item_insets WHERE item = $1`, item)
}
