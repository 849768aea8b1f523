package lrs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Part is the content of one attachment, as a multipart request carries it (Data 2.4.11).
type Part struct {
	SHA2    string // X-Experience-API-Hash
	Content io.Reader
}

// Parts yields the attachments of a request in their order; io.EOF after the last. Next ends the
// part before.
type Parts interface {
	Next() (Part, error)
}

// StoreRequest is what a POST or PUT to the statement resource says.
type StoreRequest struct {
	Version Version
	Body    []byte // one statement or, for POST, an array; it must not change any more
	ID      ID     // PUT: the statementId parameter; uuid.Nil for POST
	Parts   Parts  // nil when the request is not multipart
}

// signatureUsage marks the attachment that holds a statement's signature (Data 2.6).
const signatureUsage = "http://adlnet.gov/expapi/attachments/signature"

// maxSignature bounds a signature: the statement in base64, certificates, and room.
const maxSignature = 4 << 20

// StoreStatements judges and stores statements, all or none, and returns their ids in order
// (Communication 2.1.1, 2.1.2). Repeats are answered like new ones. KindInvalid lists every
// violation, those of the source's rules when there are none of the specification's, KindConflict
// every id that belongs to another statement.
func (s *Service) StoreStatements(ctx context.Context, p Principal, r StoreRequest) ([]ID, error) {
	if err := p.may(ScopeStatementsWrite, "store statements"); err != nil {
		return nil, err
	}
	statements, batch, err := s.decode(r)
	if err != nil {
		return nil, err
	}
	if err := s.obey(ctx, p, r.Version, statements, batch); err != nil {
		return nil, err
	}
	kept, err := s.receive(ctx, statements, r.Parts, batch)
	if err != nil {
		return nil, err
	}
	if err := s.verifySignatures(ctx, statements, r.Version, batch); err != nil {
		return nil, err
	}
	drafts := make([]*Draft, len(statements))
	ids := make([]ID, len(statements))
	for i, statement := range statements {
		drafts[i] = Accept(statement, Assignment{
			ID: s.idFor(statement), Version: r.Version, Source: p.Source, Authority: p.Authority,
			Define: p.Scopes&(ScopeDefine|ScopeAll) != 0, Kept: kept[i], Known: s.terms,
		})
		ids[i] = drafts[i].ID
	}
	if err := s.store.AppendStatements(ctx, drafts); err != nil {
		return nil, onlyStatement(err, batch)
	}
	if s.repeats != nil {
		if repeated := s.repeats.count(drafts); repeated > 0 {
			s.options.Repeated(p, repeated)
		}
	}
	return ids, nil
}

func (s *Service) idFor(statement *Statement) ID {
	if statement.ID != uuid.Nil {
		return statement.ID
	}
	return s.options.NewID()
}

// onlyStatement drops the index from pointers when the request held one statement, no array.
func onlyStatement(err error, batch bool) error {
	var e *Error
	if batch || !errors.As(err, &e) {
		return err
	}
	single := *e
	single.Violations = slices.Clone(e.Violations)
	for i, v := range single.Violations {
		single.Violations[i].Pointer = strings.TrimPrefix(v.Pointer, "/0")
	}
	return &single
}

// decode reads and judges the request's statements.
func (s *Service) decode(r StoreRequest) (statements []*Statement, batch bool, err error) {
	if r.ID == uuid.Nil {
		statements, batch, err = DecodeStatements(r.Body, r.Version, s.options.Limits)
	} else {
		var statement *Statement
		if statement, err = DecodeStatement(r.Body, r.Version, s.options.Limits); err == nil {
			err = takePutID(statement, r.ID)
		}
		statements = []*Statement{statement}
	}
	if err != nil {
		return nil, batch, s.explain(err, r)
	}
	if s.options.JudgeAll {
		err = s.judgeAll(statements, r.Version, batch)
	}
	return statements, batch, err
}

// takePutID gives the statement the id of the request. It is the client's, so another statement may
// have it already.
func takePutID(statement *Statement, id ID) error {
	if statement.ID == uuid.Nil || statement.ID == id {
		statement.ID = id
		return nil
	}
	return &Error{Kind: KindInvalid, Detail: "the statement's id is not the statementId of the request", Violations: []Violation{{
		Pointer: "/id", Rule: "put-id", Section: "Communication 2.1.1",
		Detail: fmt.Sprintf("must be %s, or be left out", id),
	}}}
}

// maxExplained is how many bytes of refused statements the schema, which is slow, looks at.
const maxExplained = 64 << 10

// explain adds to a refusal what the schema finds at places where the decoder found nothing, such
// as behind a fault that ended decoding.
func (s *Service) explain(err error, r StoreRequest) error {
	var e *Error
	if !errors.As(err, &e) || e.Kind != KindInvalid || s.options.Explain == nil {
		return err
	}
	elements, batch := splitStatements(r.Body)
	explained := *e
	explained.Violations = slices.Clone(e.Violations)
	budget := maxExplained
	for i, element := range elements {
		base := ""
		if batch {
			base = fmt.Sprintf("/%d", i)
		}
		if !hasViolation(e.Violations, base) && batch {
			continue
		}
		if budget -= len(element); budget < 0 || len(explained.Violations) >= maxViolations {
			break
		}
		for _, v := range s.options.Explain(r.Version, element) {
			if v.Pointer = base + v.Pointer; !saidAt(e.Violations, v.Pointer) && len(explained.Violations) < maxViolations {
				explained.Violations = append(explained.Violations, v)
			}
		}
	}
	return &explained
}

func hasViolation(violations []Violation, base string) bool {
	return slices.ContainsFunc(violations, func(v Violation) bool {
		return v.Pointer == base || strings.HasPrefix(v.Pointer, base+"/")
	})
}

// saidAt reports whether something was said already about the place, one within it or around it.
func saidAt(violations []Violation, pointer string) bool {
	return slices.ContainsFunc(violations, func(v Violation) bool {
		return v.Pointer == pointer || strings.HasPrefix(v.Pointer, pointer+"/") ||
			v.Pointer != "" && strings.HasPrefix(pointer, v.Pointer+"/")
	})
}

// splitStatements takes a body apart as far as it can be read, for explanations.
func splitStatements(body []byte) (elements [][]byte, batch bool) {
	r := newReader(body)
	defer r.release()
	if r.peek() != '[' {
		return [][]byte{body}, false
	}
	r.array("an array", "", func() {
		if v := r.value(); v != nil {
			elements = append(elements, v)
		}
	})
	return elements, true
}

// judgeAll lets the schema judge what the decoder accepted.
func (s *Service) judgeAll(statements []*Statement, version Version, batch bool) error {
	if s.options.Explain == nil {
		return nil
	}
	var violations []Violation
	for i, statement := range statements {
		for _, v := range s.options.Explain(version, statement.raw) {
			if batch {
				v.Pointer = fmt.Sprintf("/%d%s", i, v.Pointer)
			}
			violations = append(violations, v)
		}
	}
	if len(violations) == 0 {
		return nil
	}
	return &Error{Kind: KindInvalid, Detail: "the JSON Schema of xAPI " + string(version) + " refuses the statement", Violations: violations}
}

// maxAttachments bounds the contents that may come with one request: each costs a file and a sync.
const maxAttachments = 5000

// receive keeps the attachments that came along, streaming them, and makes sure that each
// statement has what it needs and that nothing came that no statement speaks of. It returns, by
// statement, the digests of those that the store keeps.
func (s *Service) receive(ctx context.Context, statements []*Statement, parts Parts, batch bool) ([][]string, error) {
	wanted := map[string]bool{}
	for _, statement := range statements {
		for _, sum := range AttachmentDigests(statement) {
			wanted[sum] = true
		}
	}
	if parts != nil && len(wanted) > maxAttachments {
		return nil, Errorf(KindTooLarge, "statements that come with attachments may speak of %d at most: send them in smaller batches", maxAttachments)
	}
	received := map[string]bool{}
	for parts != nil {
		part, err := parts.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		sum := strings.ToLower(part.SHA2)
		if !wanted[sum] || received[sum] {
			return nil, Errorf(KindInvalid, "a part's X-Experience-API-Hash %.128q belongs to no attachment of the statements, or came before: send each attachment once", part.SHA2)
		}
		if err := s.keep(ctx, sum, part.Content); err != nil {
			return nil, err
		}
		received[sum] = true
	}
	return keptBy(statements, received, batch)
}

// keptBy lists the received digests of each statement and refuses attachments without content.
func keptBy(statements []*Statement, received map[string]bool, batch bool) ([][]string, error) {
	kept := make([][]string, len(statements))
	var missing []Violation
	for i, statement := range statements {
		for j, a := range attachmentsOf(statement) {
			sum := strings.ToLower(a.SHA2)
			switch {
			case received[sum]:
				kept[i] = append(kept[i], sum)
			case a.FileURL == "":
				missing = append(missing, Violation{
					Pointer: fmt.Sprintf("/%d%s", i, attachmentPointer(statement, j)), Rule: "attachment-missing", Section: "Data 2.4.11",
					Detail: "has no fileUrl, so its content must come along in a multipart/mixed request, in a part whose X-Experience-API-Hash is its sha2",
				})
			}
		}
		slices.Sort(kept[i])
		kept[i] = slices.Compact(kept[i])
	}
	if len(missing) > 0 {
		return nil, onlyStatement(&Error{Kind: KindInvalid, Detail: "the content of an attachment is missing", Violations: missing}, batch)
	}
	return kept, nil
}

// attachmentPointer points to the j-th of attachmentsOf(s).
func attachmentPointer(s *Statement, j int) string {
	if own := len(s.Attachments); j >= own {
		return fmt.Sprintf("/object/attachments/%d", j-own)
	}
	return fmt.Sprintf("/attachments/%d", j)
}

// keep stores one attachment, whose digest must be sum. Its length is not compared with what the
// statement says: the specification does not ask it, and the conformance suite sends a wrong one.
func (s *Service) keep(ctx context.Context, sum string, content io.Reader) error {
	digest, err := NewSHA2(sum)
	if err != nil {
		return Errorf(KindInvalid, "X-Experience-API-Hash %v", err)
	}
	_, err = s.store.PutAttachment(ctx, sum, &verifyingReader{content, digest, sum})
	return err
}

// verifyingReader fails at its end when the content's digest is not sum.
type verifyingReader struct {
	content io.Reader
	digest  hash.Hash
	sum     string
}

func (v *verifyingReader) Read(p []byte) (int, error) {
	n, err := v.content.Read(p)
	v.digest.Write(p[:n])
	if errors.Is(err, io.EOF) && fmt.Sprintf("%x", v.digest.Sum(nil)) != v.sum {
		return n, Errorf(KindInvalid, "the content of a part does not have the digest %s that its X-Experience-API-Hash says", v.sum)
	}
	return n, err
}

// verifySignatures checks the statements that carry a signature (Data 2.6).
func (s *Service) verifySignatures(ctx context.Context, statements []*Statement, version Version, batch bool) error {
	var violations []Violation
	for i, statement := range statements {
		for j, a := range statement.Attachments {
			if a.UsageType != signatureUsage {
				continue
			}
			reason, err := s.signatureFault(ctx, statement, a, version)
			if err != nil {
				return err
			}
			if reason != nil {
				violations = append(violations, Violation{
					Pointer: fmt.Sprintf("/%d/attachments/%d", i, j), Rule: "signature", Section: "Data 2.6",
					Detail: reason.Error(),
				})
			}
		}
	}
	if len(violations) == 0 {
		return nil
	}
	return onlyStatement(&Error{Kind: KindInvalid, Detail: "a signature does not hold", Violations: violations}, batch)
}

// signatureFault says why the signature does not hold; err is internal.
func (s *Service) signatureFault(ctx context.Context, statement *Statement, a Attachment, version Version) (reason, err error) {
	if a.ContentType != "application/octet-stream" {
		return errors.New("a signature's contentType must be application/octet-stream"), nil
	}
	content, size, err := s.store.OpenAttachment(ctx, strings.ToLower(a.SHA2))
	if errors.Is(err, ErrNotFound) {
		return errors.New("a signature must come along in the request"), nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, content.Close()) }()
	if size > maxSignature {
		return fmt.Errorf("a signature may be %d bytes at most", maxSignature), nil
	}
	jws, err := io.ReadAll(content)
	if err != nil {
		return nil, err
	}
	return VerifySignature(jws, func(payload []byte) error { return signs(payload, statement, version) }, s.options.SignatureRoots, s.options.Now()), nil
}

// signs reports whether the payload of a signature is the statement, but for the signature itself. By
// the comparison alone one signature would hold for any number of statements with ids of their own, so
// an id that was signed has to be the statement's.
func signs(payload []byte, statement *Statement, version Version) error {
	signed, err := DecodeStatement(payload, version, Limits{})
	if err != nil {
		return errors.New("the payload of the signature is not a valid statement")
	}
	unsigned, original := *statement, *signed
	unsigned.Attachments, original.Attachments = withoutSignature(statement), withoutSignature(signed)
	if signed.ID != uuid.Nil && signed.ID != statement.ID {
		return errors.New("the payload of the signature has another id than the statement")
	}
	if !Equal(&unsigned, &original, version) {
		return errors.New("the payload of the signature is another statement")
	}
	return nil
}

func withoutSignature(s *Statement) []Attachment {
	return slices.DeleteFunc(slices.Clone(s.Attachments), func(a Attachment) bool { return a.UsageType == signatureUsage })
}
