package comment

import (
	"regexp"
	"strings"
)

// What mail programs write above the mail that is replied to, in the languages that they
// have. The forms are those that Outlook, Gmail, Apple Mail, Thunderbird, Yahoo, Zoho,
// Proton Mail, mail.ru and QQ Mail write, as collected by github/email_reply_parser,
// mailgun/talon, crisp-oss/email-reply-parser and alfonsrv/mail-parser-reply.

// The labels that tell a header block.
const (
	labelFrom    = "from"
	labelDate    = "date"
	labelTo      = "to"
	labelSubject = "subject"
	labelCopy    = "cc"
)

// listed has the labels that headerLabels lead to.
var listed = map[string]bool{labelFrom: true, labelDate: true, labelTo: true, labelSubject: true, labelCopy: true} //nolint:gochecknoglobals // never changed

// headerLabels has the labels of mail headers, in lower case.
var headerLabels = labelsOf(map[string]string{ //nolint:gochecknoglobals // never changed
	labelFrom: "from|von|de|expéditeur|remitente|remetente|da|mittente|van|afzender|od|nadawca|от|от кого|отправитель|від|" +
		"från|fra|lähettäjä|odesílatel|gönderen|kimden|feladó|de la|από|差出人|送信者|送信元|发件人|寄件者|寄件人|寄件人員|보낸 사람|보낸사람|מאת|من|nuo|dari|จาก|từ|šalje|pošiljatelj|saatja",
	labelDate: "sent|date|sent on|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviado em|enviada|enviada em|fecha|data|inviato|verzonden|" +
		"wysłano|wysłane|отправлено|дата|надіслано|skickat|sendt|dato|lähetetty|päivämäärä|odesláno|gönderildi|tarih|elküldve|dátum|trimis|" +
		"στάλθηκε|ημερομηνία|送信日時|日時|日付|发送时间|发件时间|日期|時間|时间|傳送時間|寄件日期|보낸 날짜|보낸날짜|날짜|נשלח|تاريخ الإرسال|išsiųsta|dikirim|ส่ง|đã gửi|poslano|изпратено|saadetud",
	labelTo: "to|an|à|a|para|aan|do|кому|till|til|vastaanottaja|komu|kime|címzett|către|προς|宛先|收件人|收件者|받는 사람|받는사람|אל|إلى|kam|kepada|ถึง|tới|prima|za|до|saaja",
	labelSubject: "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|temat|тема|ämne|emne|aihe|předmět|konu|tárgy|subiect|θέμα|" +
		"件名|主题|主旨|主題|제목|נושא|الموضوع|tema|subjek|เรื่อง|chủ đề|predmet|zadeva|относно|teema",
	labelCopy: "cc|kopie|copie|copia|kopia|dw|копия|kopi|kopio|副本|抄送|참조",
})

func labelsOf(words map[string]string) map[string]string {
	labels := map[string]string{}
	for label, list := range words {
		for word := range strings.SplitSeq(list, "|") {
			labels[word] = label
		}
	}
	return labels
}

var (
	// gitHubAddress are the addresses of GitHub's mails, which every header of a reply has.
	gitHubAddress = regexp.MustCompile(`(?i)notifications@github\.com|@(?:no)?reply\.github\.com`)
	// addressed is a line of a header or an attribution in any language or form: it has one of
	// these addresses, or an Enterprise Server's, between brackets or in a table.
	addressed = regexp.MustCompile(`(?i)[<(\[‹](?:notifications@[a-z0-9]|[^\s<>@]*@(?:no)?reply\.[a-z0-9])|^\|.*(?:notifications@[a-z0-9]|@(?:no)?reply\.[a-z0-9])`)
	// mailAddress are these and those of an Enterprise Server.
	mailAddress = regexp.MustCompile(`(?i)notifications@[a-z0-9]|@(?:no)?reply\.[a-z0-9]|(?:no)?reply(?:\+[a-z0-9_-]+)?@[a-z0-9]`)
	anyAddress  = regexp.MustCompile(`[^\s<>@"]+@[^\s<>@"]+\.[^\s<>@"]`)
	endAddress  = regexp.MustCompile(`[<(\[][^\s<>@]+@[^\s<>@]+[>)\]]$`)
	timeShape   = regexp.MustCompile(`\p{Nd}{1,2}[:.]\p{Nd}{2}|\b(?:19|20)\d{2}\b`)
	digitShape  = regexp.MustCompile(`\p{Nd}`)
	// dateShape is a date with a time: three numbers or more.
	dateShape = regexp.MustCompile(`\p{Nd}+[^\p{Nd}]+\p{Nd}+[^\p{Nd}]+\p{Nd}+`)
	// arrowShape is how GroupWise writes "On … wrote:", which Markdown takes for a quote.
	arrowShape = regexp.MustCompile(`^>{2,}[^>].*[^>]>{2,}$`)

	// originalShape is a line between dashes that says that a mail follows.
	originalShape = regexp.MustCompile(`(?i)^[-_=*‐‑‒–—―]{2,}(?:\s|&nbsp;)*(?:` +
		`original(?: message| appointment)?|repl(?:y|ied) message|回复的原邮件|forwarded message|(?:ursprüngliche|original)[ -]?nachricht|weitergeleitete nachricht|` +
		`message (?:d['’]origine|original|initial|transféré)|mensaje (?:original|reenviado)|mensagem (?:original|encaminhada)|missatge original|` +
		`messaggio (?:originale|inoltrato)|oorspronkelijk bericht|doorgestuurd bericht|oprindelig meddelelse|opprinnelig melding|` +
		`ursprungligt meddelande|originalmeddelande|alkuperäinen viesti|oryginalna wiadomość|wiadomość oryginalna|wiadomość oryginalną|treść oryginalnej wiadomości|` +
		`исходное сообщение|оригинальное сообщение|пересылаемое сообщение|вихідне повідомлення|původní zpráva|pôvodná správa|eredeti üzenet|mesaj original|` +
		`orijinal mesaj|özgün ileti|αρχικό μήνυμα|tin nhắn gốc|元のメッセージ|オリジナルメッセージ|original message|原始邮件|邮件原件|原始郵件|原始信件|` +
		`원본 메시지|원본 메일|원본메일|הודעה מקורית|الرسالة الأصلية` +
		`)(?:\s|&nbsp;)*[-_=*‐‑‒–—―]{2,}$`)
	// forwardShape is the line that Apple Mail writes above a mail that it forwards.
	forwardShape = regexp.MustCompile(`(?i)^(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message (?:transféré|réexpédié)|` +
		`inicio del mensaje reenviado|início da mensagem (?:reencaminhada|encaminhada)|inizio messaggio inoltrato|begin doorgestuurd bericht|転送されたメッセージ)\s?[:：]$`)
	// ruleShape is the rule that Outlook draws above a header block.
	ruleShape = regexp.MustCompile(`^(?:_{5,}|-{5,}|[‐‑‒–—―]{5,})$`)
	// footerShape begins the footer of GitHub's mails, which are in English only.
	footerShape = regexp.MustCompile(`(?i)^[-–—_*\[ ]*(?:reply to this email directly\b|you are receiving this because you)`)

	// leadShape is what "On … wrote:" begins with.
	leadShape = regexp.MustCompile(`(?i)^(?:(?:on|in a message dated|am|le|el|em|no dia|a|à|il|il giorno|op|w dniu|dnia|den|på|dne|dňa|în|pe|la|vào|lúc|στις|в)[\s,]|于|於|在)`)
	// wroteShape is what it ends with, without the colon: the verb, behind which some
	// languages have the name, and some programs the date.
	wroteShape = regexp.MustCompile(`(?i)(?:[\s>)"]|^)(?:` +
		`(?:wrote|writes|wrote the following|a écrit|escribió|escribio|va escriure|escreveu|ha scritto|scrive|scriveva|schreef|geschreven|` +
		`pisze|napisał(?:a|\(a\)|/a)?|skrev|kirjoitti|napsal(?:a|\(a\))?|napísal(?:a|\(a\))?|a scris|yazdı|írta|έγραψε|đã viết|` +
		`(?:пишет|писал|написал)(?:а|\(а\)|/а)?|пише|написав(?:\(ла\))?|כתב(?:/ה|ה)?|كتب|نوشت|menulis|ने लिखा|(?:je )?napisa(?:o/la|o|la|l/a)|написа|rašė|เขียนว่า|kirjutas)$` +
		`|(?:schrieb|schreef|skrev|wrote on|a écrit le|ezt írta|escribió el|escreveu em)\s.+$)` +
		`|(?:写道|写到|寫道|のメール|のメッセージ|(?:が|は)書きました|は書いた|作成|작성|작성했습니다|작성하였습니다|썼습니다)$`)
)
