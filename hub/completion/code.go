package completion

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"acquis/lrs"
)

// A document of facts begins with the version of its form, and whether it is kept when it is empty. Then stand where the leaves after the first
// begin (in the first leaf only), the texts that facts share, and the facts in the order of stored.
const codeVersion = 1

var errDamaged = errors.New("completion: a document of facts is damaged")

// What a fact has beyond its name, in the order in which it is written.
const (
	hasContent byte = 1 << iota
	hasAttempt
	hasProgress
	hasScore
	hasMeasured
	hasAnnounced
	hasStage
	hasEarned
)

// encodeLeaf writes a leaf. Equal leaves have equal bytes.
func encodeLeaf(l *leaf) []byte {
	w := writer{b: make([]byte, 0, 32+72*len(l.facts)), texts: map[string]int{}}
	w.b = append(w.b, codeVersion, bit(l.kept, 1))
	w.uint(uint64(len(l.others)))
	for _, from := range l.others {
		w.uint(uint64(from))
	}
	var texts []string
	for i := range l.facts {
		for _, text := range []string{l.facts[i].Source, l.facts[i].Earned} {
			if _, known := w.texts[text]; !known {
				w.texts[text] = len(texts)
				texts = append(texts, text)
			}
		}
	}
	w.uint(uint64(len(texts)))
	for _, text := range texts {
		w.uint(uint64(len(text)))
		w.b = append(w.b, text...)
	}
	w.uint(uint64(len(l.facts)))
	last := lrs.Instant(0)
	for i := range l.facts {
		w.fact(&l.facts[i], last)
		last = l.facts[i].Stored
	}
	return w.b
}

type writer struct {
	b     []byte
	texts map[string]int
}

func (w *writer) uint(n uint64)  { w.b = binary.AppendUvarint(w.b, n) }
func (w *writer) int(n int64)    { w.b = binary.AppendVarint(w.b, n) }
func (w *writer) real(f float64) { w.b = binary.BigEndian.AppendUint64(w.b, math.Float64bits(f)) }
func (w *writer) text(s string)  { w.uint(uint64(w.texts[s])) }
func (w *writer) bytes(b []byte) { w.b = append(w.b, b...) }
func (w *writer) byte(b byte)    { w.b = append(w.b, b) }
func (w *writer) fixed(n uint64) { w.b = binary.BigEndian.AppendUint64(w.b, n) }

func bit(set bool, mask byte) byte {
	if set {
		return mask
	}
	return 0
}

func (w *writer) fact(f *Fact, last lrs.Instant) {
	w.uint(uint64(f.Stored - last))
	w.bytes(f.Statement[:])
	w.int(int64(f.Stored - f.At))
	w.text(f.Source)
	w.byte(byte(f.Does))
	w.byte(byte(f.Notes))
	has := bit(f.Content != (lrs.ContentKey{}), hasContent) | bit(f.Attempt != 0, hasAttempt) | bit(f.Progress != nil, hasProgress) |
		bit(f.Score != nil, hasScore) | bit(f.Measured != 0, hasMeasured) | bit(f.Announced != 0, hasAnnounced) |
		bit(f.Stage != (Stage{}), hasStage) | bit(f.Earned != "", hasEarned)
	w.byte(has)
	if has&hasContent != 0 {
		w.bytes(f.Content[:])
	}
	if has&hasAttempt != 0 {
		w.fixed(f.Attempt)
	}
	if has&hasProgress != 0 {
		w.real(*f.Progress)
	}
	if has&hasScore != 0 {
		w.score(f.Score)
	}
	if has&hasMeasured != 0 {
		w.uint(uint64(f.Measured))
	}
	if has&hasAnnounced != 0 {
		w.uint(uint64(f.Announced))
	}
	if has&hasStage != 0 {
		w.int(int64(f.Stage.Reached))
		w.int(int64(f.Stage.Of))
	}
	if has&hasEarned != 0 {
		w.text(f.Earned)
	}
}

func (w *writer) score(s *Score) {
	parts := [...]*float64{s.Scaled, s.Raw, s.Min, s.Max}
	has := byte(0)
	for i, part := range parts {
		if part != nil {
			has |= 1 << i
		}
	}
	w.byte(has)
	for _, part := range parts {
		if part != nil {
			w.real(*part)
		}
	}
}

// decodeLeaf reads what encodeLeaf wrote.
func decodeLeaf(b []byte) (*leaf, error) {
	r := reader{b: b}
	if version := r.byte(); version != codeVersion && !r.broken {
		return nil, fmt.Errorf("completion: a document of facts has the form %d, which this release does not know", version)
	}
	l := &leaf{kept: r.byte() == 1}
	for range r.count() {
		l.others = append(l.others, lrs.Instant(r.uint()))
	}
	for range r.count() {
		r.texts = append(r.texts, string(r.take(r.uint())))
	}
	n := r.count()
	l.facts = make([]Fact, 0, n)
	last := lrs.Instant(0)
	for range n {
		f := r.fact(last)
		last = f.Stored
		l.facts = append(l.facts, f)
	}
	if r.broken || len(r.b) > 0 || !slices.IsSortedFunc(l.facts, func(a, b Fact) int { return int(min(max(a.Stored-b.Stored, -1), 1)) }) {
		return nil, errDamaged
	}
	return l, nil
}

type reader struct {
	b      []byte
	texts  []string
	broken bool
}

func (r *reader) take(n uint64) []byte {
	if r.broken || n > uint64(len(r.b)) {
		r.broken = true
		return nil
	}
	taken := r.b[:n]
	r.b = r.b[n:]
	return taken
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) uint() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || r.broken {
		r.broken = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) int() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 || r.broken {
		r.broken = true
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count reads how many things follow, each of a byte at least.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.broken = true
		return 0
	}
	return int(n)
}

func (r *reader) fixed() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (r *reader) real() *float64 {
	f := math.Float64frombits(r.fixed())
	return &f
}

func (r *reader) text() string {
	n := r.uint()
	if r.broken || n >= uint64(len(r.texts)) {
		r.broken = true
		return ""
	}
	return r.texts[n]
}

func (r *reader) fact(last lrs.Instant) (f Fact) {
	f.Stored = last + lrs.Instant(r.uint())
	copy(f.Statement[:], r.take(uint64(len(f.Statement))))
	f.At = f.Stored - lrs.Instant(r.int())
	f.Source = r.text()
	f.Does, f.Notes = Milestones(r.byte()), Notes(r.byte())
	has := r.byte()
	if has&hasContent != 0 {
		copy(f.Content[:], r.take(uint64(len(f.Content))))
	}
	if has&hasAttempt != 0 {
		f.Attempt = r.fixed()
	}
	if has&hasProgress != 0 {
		f.Progress = r.real()
	}
	if has&hasScore != 0 {
		f.Score = r.score()
	}
	if has&hasMeasured != 0 {
		f.Measured = int64(r.uint())
	}
	if has&hasAnnounced != 0 {
		f.Announced = int64(r.uint())
	}
	if has&hasStage != 0 {
		f.Stage = Stage{int(r.int()), int(r.int())}
	}
	if has&hasEarned != 0 {
		f.Earned = r.text()
	}
	return f
}

func (r *reader) score() *Score {
	s := &Score{}
	has := r.byte()
	for i, part := range []**float64{&s.Scaled, &s.Raw, &s.Min, &s.Max} {
		if has&(1<<i) != 0 {
			*part = r.real()
		}
	}
	return s
}
