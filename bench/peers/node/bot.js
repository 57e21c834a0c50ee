// A Koa bot with co-wechat, as its documentation shows: a handler that returns the reply.
//
// Exact keywords stand in a map, the others are gone through in order. It reads accounts and
// rules from the file that BENCH_BOT names and listens at PORT.
'use strict';

const fs = require('node:fs');
const Koa = require('koa');
const wechat = require('co-wechat');

const bot = JSON.parse(fs.readFileSync(process.env.BENCH_BOT, 'utf8'));

function test(rule) {
  if (rule.kind === 'contains') return (text) => text.includes(rule.pattern);
  if (rule.kind === 'prefix') return (text) => text.startsWith(rule.pattern);
  const pattern = new RegExp(rule.pattern);
  return (text) => pattern.test(text);
}

const exact = new Map();
const others = [];
bot.rules.forEach((rule, place) => {
  if (rule.kind !== 'exact') others.push({ place, fits: test(rule), reply: rule.reply });
  else if (!exact.has(rule.pattern)) exact.set(rule.pattern, { place, reply: rule.reply });
});

function answer(text) {
  const found = exact.get(text) || { place: bot.rules.length, reply: bot.fallback };
  for (const other of others) {
    if (other.place > found.place) break;
    if (other.fits(text)) return other.reply;
  }
  return found.reply;
}

const doors = new Map(
  bot.accounts.map((account) => [
    `/wechat/${account.appid}`,
    wechat({
      token: account.token,
      appid: account.appid,
      encodingAESKey: account.aes_key,
    }).middleware(async (message) => answer(message.Content || '')),
  ]),
);

const app = new Koa();
app.use((ctx, next) => {
  const door = doors.get(ctx.path);
  return door ? door(ctx, next) : next();
});
app.listen(Number(process.env.PORT), '127.0.0.1');
