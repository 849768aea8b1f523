package lrs

import (
	"cmp"
	"context"
	"errors"
	"mime"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// DocumentWrite is what a PUT or POST to a document resource says.
type DocumentWrite struct {
	Key          DocumentKey
	Version      Version
	ContentType  string // as sent; "" means application/octet-stream
	Content      []byte // kept byte for byte by PUT
	Precondition Precondition
	MaxBytes     int64 // most bytes of a document after a merge; 0 for no bound
}

// Document returns one document. KindNotFound when there is none.
func (s *Service) Document(ctx context.Context, p Principal, key DocumentKey) (Document, error) {
	if err := p.mayRead(key.DocumentScope); err != nil {
		return Document{}, err
	}
	d, err := s.store.Document(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return Document{}, Errorf(KindNotFound, "there is no %s document of this id", key.Kind)
	}
	return d, err
}

// DocumentIDs lists the scope's documents that were written after since.
func (s *Service) DocumentIDs(ctx context.Context, p Principal, scope DocumentScope, since Instant) (DocumentList, error) {
	if err := p.mayRead(scope); err != nil {
		return DocumentList{}, err
	}
	return s.store.DocumentIDs(ctx, scope, since)
}

// PutDocument stores a document, replacing the one that is there (Communication 2.2). Without a
// precondition it follows the rule of the version: KindConflict where a document would be lost
// (Communication 3.1; 2.0: 4.1.4).
func (s *Service) PutDocument(ctx context.Context, p Principal, w DocumentWrite) error {
	return s.write(ctx, p, w, DocumentWrite.put)
}

// MergeDocument lays the top-level properties of a JSON object over those of the stored one, as POST
// does (Communication 2.2). Where nothing is stored it stores what came, of whatever type; what is
// said to be JSON must be.
func (s *Service) MergeDocument(ctx context.Context, p Principal, w DocumentWrite) error {
	return s.write(ctx, p, w, DocumentWrite.merge)
}

// write makes of the document what change says, if the precondition holds.
func (s *Service) write(ctx context.Context, p Principal, w DocumentWrite, change func(DocumentWrite, *Document) (Document, error)) error {
	if err := p.mayWrite(w.Key.DocumentScope); err != nil {
		return err
	}
	if err := checkDocumentID(w.Key.ID); err != nil {
		return err
	}
	w.ContentType = cmp.Or(w.ContentType, "application/octet-stream")
	if err := CheckMediaType(w.ContentType); err != nil {
		return Errorf(KindInvalid, "the Content-Type %v", err)
	}
	return s.store.UpdateDocument(ctx, w.Key, func(current *Document) (Document, error) {
		if !w.Precondition.Holds(current) {
			return Document{}, w.Precondition.refusal()
		}
		return change(w, current)
	})
}

// DeleteDocument removes one document, if the precondition holds. Removing what is not there is no
// error.
func (s *Service) DeleteDocument(ctx context.Context, p Principal, key DocumentKey, condition Precondition) error {
	if err := p.mayWrite(key.DocumentScope); err != nil {
		return err
	}
	err := s.store.DeleteDocument(ctx, key, condition)
	if errors.Is(err, ErrPrecondition) {
		return condition.refusal()
	}
	return err
}

// DeleteDocuments removes all documents of the scope.
func (s *Service) DeleteDocuments(ctx context.Context, p Principal, scope DocumentScope) error {
	if err := p.mayWrite(scope); err != nil {
		return err
	}
	return s.store.DeleteDocuments(ctx, scope)
}

// String names the resource as messages do.
func (k DocumentKind) String() string {
	switch k {
	case StateDocument:
		return "state"
	case AgentProfileDocument:
		return "agent profile"
	default:
		return "activity profile"
	}
}

// scope is what a credential needs to read and write the resource (Communication 4.2).
func (k DocumentKind) scope() Scope {
	if k == StateDocument {
		return ScopeState
	}
	return ScopeProfile
}

func (p Principal) mayRead(scope DocumentScope) error {
	if err := p.may(scope.Kind.scope()|ScopeAllRead, "read "+scope.Kind.String()+" documents"); err != nil {
		return err
	}
	return p.mayReach(scope)
}

func (p Principal) mayWrite(scope DocumentScope) error {
	if err := p.may(scope.Kind.scope(), "write "+scope.Kind.String()+" documents"); err != nil {
		return err
	}
	return p.mayReach(scope)
}

// checkDocumentID refuses ids that could not be listed.
func checkDocumentID(id string) error {
	switch {
	case id == "":
		return Errorf(KindInvalid, "the id of a document must not be empty")
	case !utf8.ValidString(id):
		return Errorf(KindInvalid, "the id of a document must be UTF-8")
	}
	return nil
}

// asked reports whether the precondition asks for anything.
func (p Precondition) asked() bool {
	return p.Exists != nil || len(p.ETags) > 0 || len(p.NotETags) > 0
}

// refusal is the error of a precondition that does not hold.
func (p Precondition) refusal() error {
	if len(p.ETags) > 0 || p.Exists != nil && *p.Exists {
		return Errorf(KindPrecondition, "the document was changed or removed by somebody else, so If-Match does not hold and nothing was written: get the document again and send its current ETag in If-Match")
	}
	return Errorf(KindPrecondition, "there is a document already, so If-None-Match does not hold and nothing was written: get the document and send its current ETag in If-Match")
}

// unguarded judges a PUT that carries neither If-Match nor If-None-Match. 1.0.3 lets state pass and
// obliges clients to send one of them for profiles (Communication 3.1); 2.0 protects whatever is
// there (4.1.4).
func (w DocumentWrite) unguarded(exists bool) error {
	switch {
	case w.Precondition.asked(), w.Version == V103 && w.Key.Kind == StateDocument:
		return nil
	case exists:
		return Errorf(KindConflict, "there is a document already and the request does not say which one it means to replace: check the current state of the resource, and send its ETag in the header If-Match")
	case w.Version == V103:
		return Errorf(KindInvalid, "a PUT of an %s needs the header If-None-Match: * to make a new document, or If-Match with the ETag of the one to replace", w.Key.Kind)
	}
	return nil
}

func (w DocumentWrite) put(current *Document) (Document, error) {
	return Document{ContentType: w.ContentType, Content: w.Content}, w.unguarded(current != nil)
}

func (w DocumentWrite) merge(current *Document) (Document, error) {
	if current == nil {
		if isJSONType(w.ContentType) && !jsontext.Value(w.Content).IsValid(jsontext.AllowDuplicateNames(true)) {
			return Document{}, Errorf(KindInvalid, "the content is not JSON, as its Content-Type says it is")
		}
		return Document{ContentType: w.ContentType, Content: w.Content}, nil
	}
	switch {
	case !isJSONType(current.ContentType):
		return Document{}, Errorf(KindInvalid, "the stored document is not application/json, so nothing can be merged into it: replace it with PUT")
	case !isJSONType(w.ContentType):
		return Document{}, Errorf(KindInvalid, "there is a JSON document already, and only application/json can be merged into it: send that, or replace the document with PUT")
	}
	merged, err := MergeJSON(current.Content, w.Content)
	if err != nil {
		if _, damaged := readMembers(current.Content); damaged != nil {
			return Document{}, Errorf(KindInvalid, "the stored document is not one JSON object, so nothing can be merged into it: replace it with PUT")
		}
		return Document{}, err
	}
	if w.MaxBytes > 0 && int64(len(merged)) > w.MaxBytes {
		return Document{}, Errorf(KindTooLarge, "merged with the stored document this makes %d bytes, and a document may have %d at most", len(merged), w.MaxBytes)
	}
	return Document{ContentType: current.ContentType, Content: merged}, nil
}

func isJSONType(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && mediaType == "application/json"
}
