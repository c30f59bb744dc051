package triage

// SetScenes sets how many items a question about scenes compares of each ground, and how
// many until that is written down.
func (d *Desk) SetScenes(most, perStep int) { d.mostScenes, d.scenesPerStep = most, perStep }
