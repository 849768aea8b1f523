package pixfake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Handler serves the world at the paths behind Pix's gateway: /token, /organizations,
// /organizations/{id}/campaigns and /campaigns/{id}/participations.
func (w *World) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		// Hapi's routers ignore case and a slash at the end.
		path := strings.Split(strings.Trim(strings.ToLower(r.URL.Path), "/"), "/")
		switch {
		case len(path) == 1 && path[0] == "token" && r.Method == http.MethodPost:
			w.token(rw, r)
		case r.Method != http.MethodGet:
			boom(rw, http.StatusNotFound, "Not Found")
		case len(path) == 1 && path[0] == "organizations":
			if w.admit(rw, r, "meta") {
				w.organisations(rw)
			}
		case len(path) == 3 && path[0] == "organizations" && path[2] == "campaigns":
			if w.admit(rw, r, "campaigns") {
				w.campaigns(rw, r, path[1])
			}
		case len(path) == 3 && path[0] == "campaigns" && path[2] == "participations":
			if w.admit(rw, r, "campaigns") {
				w.participations(rw, r, path[1])
			}
		default:
			boom(rw, http.StatusNotFound, "Not Found")
		}
	})
}

// token gives out a JWT. Its answer holds neither a lifetime nor a scope.
func (w *World) token(rw http.ResponseWriter, r *http.Request) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		boom(rw, http.StatusUnsupportedMediaType, "Unsupported Media Type")
		return
	}
	if err := r.ParseForm(); err != nil {
		jsonAPI(rw, http.StatusBadRequest, "Bad Request", "the form cannot be read", "")
		return
	}
	for _, field := range []string{"grant_type", "client_id", "client_secret", "scope"} {
		if r.PostForm.Get(field) == "" {
			jsonAPI(rw, http.StatusBadRequest, "Bad Request", fmt.Sprintf("%q is required", field), "")
			return
		}
	}
	w.mu.Lock()
	clientID := w.clientID
	w.mu.Unlock()
	scopes := strings.Fields(r.PostForm.Get("scope"))
	switch {
	case r.PostForm.Get("grant_type") != "client_credentials":
		jsonAPI(rw, http.StatusBadRequest, "Bad Request", `"grant_type" must be [client_credentials]`, "")
	case r.PostForm.Get("client_id") != clientID || r.PostForm.Get("client_secret") != w.options.ClientSecret:
		jsonAPI(rw, http.StatusUnauthorized, "Unauthorized", "The client ID and/or client secret are incorrect.", "")
	case slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(w.options.Scopes, s) }):
		jsonAPI(rw, http.StatusForbidden, "Forbidden", "The scope is not allowed.", "")
	default:
		rw.Header().Set("Cache-Control", "no-store")
		answer(rw, http.StatusOK, map[string]any{"token_type": "bearer", "access_token": w.sign(clientID, scopes), "client_id": clientID})
	}
}

type claims struct {
	ClientID string `json:"client_id"`
	Source   string `json:"source"`
	Scope    string `json:"scope"`
	Serial   int    `json:"jti"`
	Expires  int64  `json:"exp"`
}

var encoding = base64.RawURLEncoding

func (w *World) sign(clientID string, scopes []string) string {
	w.mu.Lock()
	w.issued++
	serial := w.issued
	w.mu.Unlock()
	body, err := json.Marshal(claims{clientID, "Campus", strings.Join(scopes, " "), serial, w.options.Now().Add(w.options.TokenLife).Unix()})
	if err != nil {
		panic(err) // strings and numbers
	}
	signed := encoding.EncodeToString([]byte(`{"alg":"HS256","typ":"at+jwt"}`)) + "." + encoding.EncodeToString(body)
	token := signed + "." + encoding.EncodeToString(w.mac(signed))
	if w.options.OpaqueTokens {
		token = encoding.EncodeToString([]byte(token))
	}
	return token
}

func (w *World) mac(signed string) []byte {
	mac := hmac.New(sha256.New, []byte(w.options.ClientSecret))
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// admit judges token and scope, and answers when they don't do.
func (w *World) admit(rw http.ResponseWriter, r *http.Request, scope string) bool {
	token, is := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ") // with this case only
	if w.options.OpaqueTokens {
		decoded, err := encoding.DecodeString(token)
		token, is = string(decoded), is && err == nil
	}
	c, valid := w.read(token)
	w.mu.Lock()
	known := valid && c.ClientID == w.clientID && c.Serial > w.revoked
	w.mu.Unlock()
	if !is || !known || !w.options.Now().Before(time.Unix(c.Expires, 0)) {
		boom(rw, http.StatusUnauthorized, "Invalid token")
		return false
	}
	if !slices.Contains(strings.Fields(c.Scope), scope) {
		boom(rw, http.StatusForbidden, "Insufficient scope")
		return false
	}
	return true
}

func (w *World) read(token string) (c claims, valid bool) {
	last := strings.LastIndexByte(token, '.')
	if last < 0 {
		return c, false
	}
	mac, err := encoding.DecodeString(token[last+1:])
	if err != nil || !hmac.Equal(mac, w.mac(token[:last])) {
		return c, false
	}
	_, body, _ := strings.Cut(token[:last], ".")
	decoded, err := encoding.DecodeString(body)
	return c, err == nil && json.Unmarshal(decoded, &c) == nil
}

func (w *World) seen(organisation int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := organisation - OrganisationID(0)
	return n >= 0 && n < int64(w.options.Organisations) && !w.withdrawn[int(organisation)]
}

func (w *World) organisations(rw http.ResponseWriter) {
	list := []map[string]any{}
	for n := range w.options.Organisations {
		if id := OrganisationID(n); w.seen(id) {
			external := any(nil)
			if n%2 == 0 {
				external = fmt.Sprintf("%014d", 13_002_526_500_013+n)
			}
			list = append(list, map[string]any{"id": w.number(id), "name": fmt.Sprintf("Direction %d", n+1), "externalId": external})
		}
	}
	if len(list) == 0 {
		boom(rw, http.StatusForbidden, "Forbidden")
		return
	}
	answer(rw, http.StatusOK, list)
}

// number writes an id as the world's servers do.
func (w *World) number(id int64) any {
	if w.options.TextIDs {
		return strconv.FormatInt(id, 10)
	}
	return id
}

func (w *World) campaigns(rw http.ResponseWriter, r *http.Request, organisation string) {
	asked, fault := nested(r.URL.Query(), "page[number]", "page[size]", "page", "witharchived")
	if fault == "" && w.options.NoArchived && asked["witharchived"] != "" {
		fault = `"withArchived" is not allowed`
	}
	number, size, fault := paging(asked, fault, 1000, 1000)
	if fault != "" {
		jsonAPI(rw, http.StatusBadRequest, "Bad Request", fault, "")
		return
	}
	id, err := strconv.ParseInt(organisation, 10, 64)
	if err != nil || !w.seen(id) {
		boom(rw, http.StatusForbidden, "Forbidden")
		return
	}
	list := []map[string]any{}
	first := int(id-OrganisationID(0)) * w.options.Campaigns
	for n := first; n < first+w.options.Campaigns; n++ {
		c := w.campaign(n)
		hidden := !c.archived.IsZero() && w.options.HideArchived && asked["witharchived"] != "true"
		if !hidden && !c.created.After(w.options.Now()) {
			list = append(list, w.campaignJSON(c))
		}
	}
	pages := (len(list) + size - 1) / size
	list = list[min((number-1)*size, len(list)):min(number*size, len(list))]
	answer(rw, http.StatusOK, map[string]any{"campaigns": list, "page": map[string]any{"number": number, "size": size, "count": pages}})
}

func (w *World) campaignJSON(c campaign) map[string]any {
	profile, archived := any("Socle agents"), any(nil)
	if c.kind == Collection {
		profile = nil
	}
	if !c.archived.IsZero() {
		archived = stamp(c.archived)
	}
	return map[string]any{
		"id": w.number(c.id), "name": c.name, "type": c.kind, "targetProfileName": profile, "code": c.code,
		"createdAt": stamp(c.created), "archivedAt": archived,
	}
}

// nested reads query keys, and says which is not known.
func nested(values map[string][]string, known ...string) (map[string]string, string) {
	asked := map[string]string{}
	for key, list := range values {
		low := strings.ToLower(key)
		if low != key && low != "witharchived" || !slices.Contains(known, low) {
			return nil, fmt.Sprintf("%q is not allowed", key)
		}
		asked[low] = list[0]
	}
	return asked, ""
}

// paging reads page[number] and page[size], or both from JSON in page.
func paging(asked map[string]string, fault string, size, most int) (int, int, string) {
	number := 1
	if text := asked["page"]; text != "" && fault == "" {
		page := struct{ Number, Size int }{1, size}
		if json.Unmarshal([]byte(text), &page) != nil {
			return 0, 0, `"page" must be of type object`
		}
		number, size = page.Number, page.Size
	}
	for key, to := range map[string]*int{"page[number]": &number, "page[size]": &size} {
		if text := asked[key]; text != "" && fault == "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				return 0, 0, fmt.Sprintf("%q must be a number", strings.NewReplacer("[", ".", "]", "").Replace(key))
			}
			*to = n
		}
	}
	if fault == "" && (size > most || size < 1) {
		fault = fmt.Sprintf("\"page.size\" must be less than or equal to %d", most)
	}
	return max(number, 1), size, fault
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// boom answers in the shape of the web framework, jsonAPI in that of the domain.
func boom(rw http.ResponseWriter, status int, message string) {
	answer(rw, status, map[string]any{"statusCode": status, "error": http.StatusText(status), "message": message})
}

func jsonAPI(rw http.ResponseWriter, status int, title, detail, code string) {
	fault := map[string]any{"status": strconv.Itoa(status), "title": title, "detail": detail}
	if code != "" {
		fault["code"] = code
	}
	answer(rw, status, map[string]any{"errors": []any{fault}})
}

func answer(rw http.ResponseWriter, status int, body any) {
	rw.Header().Set("Content-Type", "application/json; charset=utf-8")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(body) // a client that is gone needs no answer
}
