//! Words that say nothing about what is asked, by language: articles, pronouns, auxiliaries, prepositions, question words.
//!
//! Behind a word, `*` says that English means something by it (German `die`, Dutch `door`): it counts as one of its language only
//! in a text that has others.

use crate::analysis::Language;

/// The lists. The pieces that apostrophes leave behind are in them: English `don't` is `don` and `t`, French `l'eau` is `l` and `eau`.
pub(super) const ALL: [(Language, &str); Language::ALL.len()] = [
    (
        Language::English,
        "a about above after again against all also am an and any are aren as at be because been before being \
         below between both but by can could couldn d did didn do does doesn doing don down during each few for \
         from further had hadn has hasn have haven having he her here hers herself him himself his how i if in \
         into is isn it its itself just ll me more most my myself no nor not now of off on once only or other our \
         ours ourselves out over own re s same she should shouldn so some such t than that the their theirs them \
         themselves then there these they this those through to too under until up ve very was wasn we were weren \
         what when where which while who whom whose why with would you your",
    ),
    (
        Language::Arabic,
        "من في على إلى الى عن مع هذا هذه ذلك تلك هؤلاء التي الذي الذين ما ماذا متى أين اين كيف لماذا هل كم أي اي \
         أو او و ثم لكن بل لا لم لن ليس ليست كان كانت يكون تكون أن ان إن قد كل بعض هو هي هم هن نحن أنا انا أنت \
         انت عند عندما بعد قبل بين حتى إذا اذا لو كما مثل غير أيضا ايضا منذ خلال حول ضد دون تحت فوق حيث لأن لان \
         به بها فيه فيها عليه عليها له لها منه منها التى وهو وهي ولا ومن وفي كانوا مما لقد بأن سوف",
    ),
    (
        Language::Danish,
        "og i jeg det at en den til er som på de med han af for ikke der var* mig sig men et har om vi min havde \
         ham hun nu over da fra du ud sin dem os op man* hans hvor eller hvad skal* selv her alle vil* blev kunne \
         ind når være dog noget ville jo deres efter ned skulle denne end* dette mit også under have dig anden \
         hende mine alt meget sit sine vor mod disse hvis din nogle hos blive mange ad bliver hendes været jer \
         sådan hvem hvorfor hvordan hvornår hvilken hvilket hvilke kan findes",
    ),
    (
        Language::Dutch,
        "de en van ik te dat die* in een hij het niet zijn is was op aan met als voor had er maar om hem dan* zou \
         of wat mijn men* dit zo door* over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft \
         hebben deze u want* nog zal me zij nu ge geen omdat iets worden toch al waren veel meer* doen* toen moet \
         ben* zonder kan hun dus alles onder ja eens hier wie werd altijd doch wordt wezen* kunnen ons zelf tegen \
         na reeds wil kon niets uw iemand geweest andere waar waarom wanneer welke welk tussen",
    ),
    (
        Language::Finnish,
        "ja on ei se että olla oli hän ovat mutta kun niin kuin myös joka jotka jonka jossa tai sekä nyt vain ole \
         olen olet olemme olivat ollut eivät en et emme ette minä sinä me te he minun sinun hänen meidän teidän \
         heidän tämä tuo nämä nuo ne tässä tätä siinä sitä sen niiden mitä mikä mitkä kuka ketkä missä mistä \
         mihin milloin miksi miten millainen kuinka jos vaikka koska eli sillä kanssa ennen jälkeen yli ali voi \
         voivat hyvin vielä jo kaikki mukaan noin",
    ),
    (
        Language::French,
        "au aux avec ce ces cet cette dans de des du elle elles en et eux il ils je la le les leur leurs lui ma \
         mais* me même mes moi mon ne nos notre nous on* ou où par* pas* pour* qu que quel quelle quelles quels \
         qui quoi sa se ses si son* sur ta te tes toi ton* tu un une vos votre vous c d j l m n s t y est sont \
         était étaient été être êtes suis sommes a ai as* ont avait avaient avoir fut comment* quand pourquoi \
         combien ceci cela ça donc car* ni plus* très aussi sans* sous entre* chez vers ainsi comme depuis",
    ),
    (
        Language::German,
        "aber alle allem allen aller alles als am an ander andere anderem anderen anderer anderes auch auf aus \
         bei beim bin* bis bist da dabei dadurch dafür damit dann darf das dass daß dazu dein deine dem den* denn \
         der deren des dessen dich die* dies diese diesem diesen dieser dieses dir doch dort du durch ein eine \
         einem einen einer eines er es etwas euch euer für gegen gibt hab habe haben hat* hatte hatten hier hin \
         hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im in indem ins ist jede jedem jeden jeder jedes \
         jene jetzt kann kein keine keinem keinen keiner können könnte man* mein meine mich mir mit muss nach \
         nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie sind so solche \
         soll sollte sondern sonst über um und uns unser unter viel vom von vor wann war* waren warum was weil \
         welche welchem welchen welcher welches wenn wer werde werden wie wieder will wird wirst wo woher wohin \
         womit wurde wurden würde zu zum zur zwar zwischen",
    ),
    (
        Language::Greek,
        "ο η το οι τα του της των τον την τους τις και κι κ είναι ήταν είμαι έχει έχουν είχε να θα δεν μη μην με \
         σε σαν από για προς κατά μετά παρά αντί χωρίς ως πως που πού ποιος ποια ποιο ποιοι ποιες ποιους ποιον τι \
         πότε γιατί πώς πόσο πόσα πόσοι όταν αν ενώ ή είτε ούτε αλλά όμως στο στη στην στον στα στις στους αυτό \
         αυτός αυτή αυτά αυτοί αυτές εκείνο εκείνος εκείνη μου σου μας σας ένα ένας μια μία ότι όπως όσο όπου \
         πολύ πιο δε ώστε επίσης",
    ),
    (
        Language::Hindi,
        "के का की में है हैं को से और यह वह ये वे इस उस इन उन ने पर भी एक तो ही हो था थी थे हुआ हुई हुए कर करने \
         करता करते करती किया गया गई गए जो कि लिए साथ तक या नहीं न मैं हम तुम आप अपने अपना अपनी क्या कौन कब कहाँ \
         कहां कैसे क्यों कितने कितना कितनी किस किसी किसके किसने कुछ जब तब जहाँ जैसे बाद द्वारा रहा रही रहे सकते \
         सकता सकती होता होती होते इसके उसके इसका उसका उनके इनके यदि लेकिन परन्तु",
    ),
    (
        Language::Hungarian,
        "a az egy és hogy nem is van volt ez azt ezt de ha csak már még meg el ki mi mit mik mikor miért hol hova \
         hogyan hány mennyi melyik milyen aki akik ami amely amelyek mint vagy vannak voltak lesz lehet kell \
         nincs sem ne én te ő ti ők ezek azok ennek annak ebben abban így úgy itt ott akkor most minden mert után \
         előtt között által szerint alatt való nagyon igen",
    ),
    (
        Language::Indonesian,
        "yang di dan itu ini dengan untuk dari dalam ke pada adalah ialah merupakan tidak tak bukan akan telah \
         sudah belum sedang masih juga atau tetapi tapi namun oleh sebagai karena sebab agar supaya jika kalau \
         bila maka saat ketika sejak hingga sampai antara para seorang sebuah suatu setiap semua saya aku kami \
         kita kamu anda dia ia mereka nya apa apakah siapa siapakah kapan kapankah dimana mana manakah mengapa \
         kenapa bagaimana bagaimanakah berapa berapakah adakah ada bisa dapat harus boleh lagi lebih paling \
         sangat seperti hanya saja pun lah kah tersebut yaitu yakni serta secara bagi terhadap tentang atas",
    ),
    (
        Language::Italian,
        "ad al allo ai agli alla alle con* col da dal dallo dai dagli dalla dalle di del dello dei degli della \
         delle in nel nello nei negli nella nelle su sul sullo sui sugli sulla sulle per* tra fra contro io tu \
         lui lei noi voi loro mio mia miei mie tuo tua suo sua suoi sue nostro nostra vostro vostra mi ti ci vi \
         lo la li le gli ne il un uno una ma ed se perché anche come* dove* dov che chi cui non più quale quali \
         quanto quanti quanta quante quando quello quelli quella quelle questo questi questa queste si tutto \
         tutti a c e i l o ho hai ha abbiamo hanno aveva avevano è sono sia siano era* erano essere stato stata \
         fu cosa cos così dopo prima senza molto qual",
    ),
    (
        Language::Norwegian,
        "og i jeg det at en et den til er som på de med han av ikke ikkje der så var* meg seg men* ett har om vi \
         min mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man* kan hans hvor eller hva skal selv \
         her alle vil* bli ble blei blitt kunne inn når være kom noen noe ville dere deres kun ja etter ned \
         skulle denne for deg si sine sitt mot å meget hvorfor dette disse uten hvordan ingen din ditt blir samme \
         hvilken hvilke sånn inni mellom vår hver hvem vors hvis både bare enn fordi før mange også slik vært \
         begge siden hvilket",
    ),
    (
        Language::Portuguese,
        "de a o que e do da em um para com não uma os no na se por mais as ao ele das à seu sua ou quando muito \
         nos já eu também só pelo pela até isso ela entre depois sem* mesmo aos seus quem nas me esse eles você \
         essa num nem suas meu às minha numa pelos elas qual nós lhe deles essas esses pelas este dele tu te \
         vocês vos lhes meus minhas teu tua nosso nossa dela delas esta estes estas aquele aquela aqueles aquelas \
         isto aquilo é são foi foram era* eram ser está estão estava tem têm tinha há como onde porque quê quais \
         quanto quantos quanta quantas sobre",
    ),
    (
        Language::Romanian,
        "și si în in la de pe cu nu este sunt un o care că să sa al ale a ai ei el ea eu tu noi voi lui lor din \
         prin pentru după înainte despre între sub spre către fără ce cine când cum* unde cât câte câți câtă \
         cărui cărei mai foarte doar numai dar sau ori dacă deși fost era* erau fi fiind am are* au avea aveau \
         avut acest această aceste acești acel acea acele acei acesta aceasta acestea așa aici acolo toate toți \
         tot fiecare orice alt altă alte alți iar ca până fie cel cea cei cele se le îi îl își",
    ),
    (
        Language::Russian,
        "и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было \
         вот от меня еще ещё нет о из ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас \
         нибудь опять уж вам ведь там потом себя ничего ей может они тут где есть надо ней для мы тебя их чем \
         была сам чтоб чтобы без будто чего раз тоже себе под будет тогда кто этот того потому этого какой какая \
         какое какие каких какую каком совсем ним здесь этом почти мой тем нее неё сейчас были куда зачем почему \
         сколько всех никогда можно при наконец об другой хоть после над больше тот через эти эта это нас про них \
         много разве моя свою этой перед иногда лучше чуть том нельзя такой им более всегда конечно всю между \
         также который которая которое которые которых является",
    ),
    (
        Language::Spanish,
        "de la que el en y a los del se las por un para con* no una su al lo como más pero sus le ya o este sí \
         porque esta entre cuando muy sin* sobre* también me hasta hay donde dónde quien quién quienes desde todo \
         nos durante todos uno les ni contra otros ese eso ante ellos e esto mí antes algunos qué cuál cuáles \
         cuánto cuántos cuánta cuántas cómo cuándo unos yo otro otras otra él tanto esa estos mucho nada muchos \
         cual poco ella estar estas algunas algo nosotros mi mis tú te ti tu tus ellas vosotros os mío mía suyo \
         suya nuestro nuestra es son* fue* fueron era* eran ser está están estaba ha han había he* tiene tienen \
         soy eres somos sido",
    ),
    (
        Language::Swedish,
        "och det att i en jag hon som han på den med var* sig för så till är men* ett om hade de av icke mig du \
         henne då sin nu har inte hans honom skulle hennes där min man* ej vid kunde något från ut när efter upp \
         vi dem vara vad över än dig kan sina här ha mot alla under någon eller allt mycket sedan ju denna själv \
         detta åt utan varit hur ingen mitt ni bli blev oss din dessa några deras blir mina samma vilken vilket \
         vilka er sådan vår blivit dess inom mellan sådant varför varje vem vems vars vart dina finns också",
    ),
    (
        Language::Turkish,
        "ve bir bu da de için ile o ne mi mı mu mü ama fakat ancak çok daha gibi kadar en her hiç şey şu ki ya \
         veya yada hem ise değil var* yok olan olarak oldu olduğu olur oldukça idi sonra önce üzere göre karşı \
         ben* sen biz siz onlar bana sana ona bize size onlara benim senin onun bizim sizin onların beni seni onu \
         bizi bunu bunun buna şunu nasıl neden niçin niye nerede nereye nereden hangi hangisi kim kimi kimin kaç \
         nedir kimdir nelerdir zaman mıdır midir diye tarafından eğer çünkü bazı tüm bütün",
    ),
];
