// An implementation of the callback cipher that is not ours, spoken to line by line:
// {"do": "seal" | "open", …} in, the result out.
const WXBizMsgCrypt = require("wechat-crypto");
const lines = require("readline").createInterface({ input: process.stdin });

lines.on("line", (line) => {
  const wish = JSON.parse(line);
  const crypt = new WXBizMsgCrypt(wish.token, wish.key, wish.appid);
  let result;
  if (wish.do === "seal") {
    const encrypt = crypt.encrypt(wish.message);
    result = { encrypt, signature: crypt.getSignature(wish.timestamp, wish.nonce, encrypt) };
  } else {
    result = {
      ...crypt.decrypt(wish.encrypt),
      signature: crypt.getSignature(wish.timestamp, wish.nonce, wish.encrypt),
    };
  }
  process.stdout.write(JSON.stringify(result) + "\n");
});
